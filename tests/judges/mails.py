"""The mails that are judged, as they go out: written and signed by an installation that mail comes back to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from digestbot.cli import _run
from digestbot.cli.installation import Installation
from digestbot.digest.alerts import Concern, alert_delivery
from digestbot.digest.compose import (
    confirm_delivery,
    digest_delivery,
    goodbye_delivery,
    quiet_delivery,
    welcome_delivery,
)
from digestbot.digest.stoppages import Stoppage, stoppage_delivery
from digestbot.models import LANGUAGES, Delivery, DeliveryKind, SubscriberState
from digestbot.settings import read_settings
from digestbot.settings.dkim_keys import make_keys
from digestbot.store import Preferences
from tests.factories import DAY, NOW, subscriber
from tests.judges import lists
from tests.mails import parsed, part

# Of the languages, the one with the longer words: where it has room, the others have.
LONGEST = "de"
TO_READERS = (*lists.LISTS, "confirm", "welcome", "quiet", "goodbye")
# Who runs the program is written to in English alone.
TO_THE_ADMIN = ("alert", "stopped", "refused", "test")
MAILS = (*(f"{name} {language}" for name in TO_READERS for language in LANGUAGES), *TO_THE_ADMIN)
# For judges that take a second for a long mail: of the lists of the same papers, all but the daily in one language.
ONCE = tuple(name for name in MAILS if name not in ("weekly en", "first de", "catch-up en", "too much for a mail de"))

DOMAIN, BOUNCES = "example.org", "bounces.example.org"
_ADMIN = f"admin@{DOMAIN}"
_SETTINGS = f"""
[web]
base_url = "https://papers.{DOMAIN}"
[mail]
sender = "Paper Digest <digest@{DOMAIN}>"
reply_to = "help@{DOMAIN}"
list_name = "Daily papers"
postal_address = "Lindenstraße 1, 10969 Berlin"
bounce_domain = "{BOUNCES}"
"""
_SILENT = (
    Concern(source="arxiv", state="stale", last_success=NOW, newest=DAY - timedelta(days=5), problem=""),
    Concern(
        source="https://a-blog.example.org/feed",
        state="failed",
        last_success=None,
        newest=None,
        problem="404 <Not Found>",
    ),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail and its envelope's sender; a test mail is of no kind of delivery."""

    content: bytes
    return_path: str
    kind: DeliveryKind | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """Every mail by its name, and what the DNS says of their senders, by the names of its TXT records."""

    mails: dict[str, Sent]
    texts: dict[str, str]


def write_all(folder: Path) -> Post:
    """Return every mail that an installation in this folder sends."""
    path = folder / "settings.toml"
    path.write_text(_SETTINGS, encoding="utf-8")
    installation = Installation(read_settings(path, {}, folder=folder), {})
    make_keys(installation.settings)
    signer, addresses = installation.signer, installation.addresses
    assert signer is not None
    assert addresses is not None
    try:
        mails = dict(_deliveries(installation))
    finally:
        installation.close()
    # As the command makes it: it is no delivery.
    assert _run(["--settings", str(path), "mail", "test", _ADMIN]) == 0
    (test,) = (folder / "mailbox").glob("*.eml")
    return Post(
        mails=mails | {"test": Sent(test.read_bytes(), addresses.bounce(0))},
        texts={record.name.rstrip("."): record.value for record in signer.records()},
    )


def _deliveries(installation: Installation) -> Iterator[tuple[str, Sent]]:
    letters = installation.letters

    def sent(delivery: Delivery) -> Sent:
        return Sent(letters.write(delivery), letters.return_path(delivery), delivery.kind)

    for language in LANGUAGES:
        for name in lists.LISTS:
            made = lists.of(name, language)
            reader = subscriber(days=made.days, language=language)
            delivery = digest_delivery(made, reader, domain=DOMAIN)
            content = letters.write_digest(made, reader, delivery)
            yield f"{name} {language}", Sent(content, letters.return_path(delivery), delivery.kind)
        new = installation.store.subscribers.add(
            f"{language}@{DOMAIN}", SubscriberState.PENDING, Preferences(language=language), NOW
        )
        yield f"confirm {language}", sent(confirm_delivery(new, domain=DOMAIN, now=NOW))
        yield f"welcome {language}", sent(welcome_delivery(new, domain=DOMAIN, now=NOW))
        yield f"quiet {language}", sent(quiet_delivery(new, local_day=DAY, domain=DOMAIN, now=NOW))
        yield f"goodbye {language}", sent(goodbye_delivery(new, domain=DOMAIN, now=NOW))
    yield "alert", sent(alert_delivery(_SILENT, address=_ADMIN, domain=DOMAIN, now=NOW))
    for name, refused, problem in (
        ("stopped", False, "connection to mail.example.org:25 timed out"),
        ("refused", True, "550 5.7.1 <digest@example.org>: not from you"),
    ):
        since = NOW - timedelta(hours=2)
        stoppage = Stoppage(
            at=NOW, refused=refused, problem=problem, server="mail.example.org:25", waiting=1204, since=since
        )
        yield name, sent(stoppage_delivery(stoppage, address=_ADMIN, domain=DOMAIN))


def documents(mails: dict[str, bytes]) -> dict[str, str]:
    """Return the HTML of each mail, with the line ends of a file."""
    return {name: part(parsed(mail), "html").replace("\r\n", "\n") for name, mail in mails.items()}
