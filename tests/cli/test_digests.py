"""``preview``, ``due`` and ``send``: from loaded papers to mails."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digestbot.digest.readable import readable
from tests.cli.conftest import ADA, Catcher, Cli, entry
from tests.mails import parsed, part

TUESDAY, WEDNESDAY = "2025-05-27T08:00", "2025-05-28T08:00"


def papers_of(mail: Path) -> set[str]:
    return set(re.findall(r"arxiv:\d{4}\.\d{5}", part(parsed(mail.read_bytes()), "plain")))


def database(cli: Cli) -> str:
    """Return a hash of everything that is in the files of the database."""
    return hashlib.sha256(
        b"".join(one.read_bytes() for one in sorted(cli.folder.glob("digestbot.sqlite*")) if one.is_file())
    ).hexdigest()


def test_who_is_due_is_listed_until_served(stocked: Cli) -> None:
    stocked("subscriber", "add", "bela@example.org", "--confirmed", "--send-at", "09:00")
    assert stocked.json("due", "--at", TUESDAY) == [
        {"email": ADA, "local_day": "2025-05-27", "due_at": "2025-05-27T07:00:00+00:00"}
    ]
    assert ADA in stocked("due", "--at", TUESDAY).out
    stocked("send", "--at", TUESDAY)
    assert stocked.json("due", "--at", TUESDAY) == []
    assert stocked("due", "--at", TUESDAY).out == "nobody is due\n"


def test_the_time_of_at_may_name_a_zone(stocked: Cli) -> None:
    assert stocked.json("due", "--at", "2025-05-27T08:00+02:00") == []
    assert len(stocked.json("due", "--at", "2025-05-27T09:00+02:00")) == 1


def test_send_writes_one_mail_and_a_second_run_none(stocked: Cli) -> None:
    assert stocked.json("send", "--at", TUESDAY) == {
        "composed": 1,
        "sent": 1,
        "deferred": 0,
        "held": 0,
        "failed": 0,
        "expired": 0,
        "stopped": "",
    }
    (mail,) = stocked.mails()
    message = parsed(mail.read_bytes())
    assert message["To"] == ADA
    assert message["Date"].datetime.isoformat() == "2025-05-27T08:00:00+00:00"
    assert len(papers_of(mail)) == 3
    assert stocked("send", "--at", TUESDAY).out == "0 composed; nothing to send\n"
    assert stocked("send", "--at", "2025-05-27T23:59").out == "0 composed; nothing to send\n"
    assert stocked.mails() == [mail]


def test_the_digest_of_the_next_day_repeats_no_paper(stocked: Cli) -> None:
    stocked("send", "--at", TUESDAY)
    (first,) = stocked.mails()
    stocked("send", "--at", WEDNESDAY)
    second = next(mail for mail in stocked.mails() if mail != first)
    assert len(papers_of(second)) == 3
    assert not papers_of(first) & papers_of(second)


def test_preview_as_eml_is_to_the_byte_what_send_hands_over(stocked: Cli) -> None:
    stocked("rate", ADA, "2505.00002", "like")
    before = stocked("preview", ADA, "--at", TUESDAY, "--format", "eml").raw
    stocked("send", "--at", TUESDAY)
    (mail,) = stocked.mails()
    assert mail.read_bytes() == before
    assert stocked("preview", ADA, "--at", "2025-05-27T22:00", "--format", "eml").raw == before


def test_preview_shows_what_the_mail_says_and_changes_nothing(stocked: Cli) -> None:
    stocked("due")
    before = database(stocked)
    message = parsed(stocked("preview", ADA, "--at", TUESDAY, "--format", "eml").raw)
    text = stocked("preview", ADA, "--at", TUESDAY).out
    assert text.startswith(f"Subject: {message['Subject']}\n")
    assert text.partition("\n\n")[2].split() == part(message, "plain").split()
    html = stocked("preview", ADA, "--at", TUESDAY, "--format", "html").out
    assert html.strip() == part(message, "html").replace("\r\n", "\n").strip()
    assert database(stocked) == before
    assert stocked.mails() == []


def test_preview_without_a_new_paper_says_so(stocked: Cli) -> None:
    assert "no new paper for 2025-08-01" in stocked("preview", ADA, "--at", "2025-08-01T08:00", code=1).err


@pytest.mark.parametrize("change", [["--categories", "cs.XY"], ["--mute", "robots"]])
def test_a_preview_says_when_it_is_the_choices_that_leave_nothing(stocked: Cli, change: list[str]) -> None:
    preview = ["preview", ADA, "--at", TUESDAY]
    stocked(*preview)
    stocked("subscriber", "edit", ADA, *change)
    found = stocked(*preview, code=1).err
    assert "none of the new papers for 2025-05-27 (8) is in the categories, not muted and above min_score" in found
    assert "load papers first" not in found


def test_a_preview_says_when_a_floor_leaves_nothing(stocked: Cli) -> None:
    stocked("rate", ADA, "2505.00001", "like")
    stocked.configure("[digest]\nmin_score = 1.0\nexplore = 0\n")
    found = stocked("preview", ADA, "--at", TUESDAY, code=1).err
    assert "none of the new papers for 2025-05-27 (7)" in found


def test_a_preview_with_every_paper_rated_says_that_none_is_new(stocked: Cli) -> None:
    for number in range(1, 9):
        stocked("rate", ADA, f"2505.{number:05d}", "dislike")
    assert "there is no new paper" in stocked("preview", ADA, "--at", TUESDAY, code=1).err


def test_only_composes_for_one(stocked: Cli) -> None:
    stocked("subscriber", "add", "bela@example.org", "--confirmed")
    assert stocked.json("send", "--at", TUESDAY, "--only", "ADA@example.org")["composed"] == 1
    assert [one["email"] for one in stocked.json("due", "--at", TUESDAY)] == ["bela@example.org"]
    assert "is not a subscriber" in stocked("send", "--only", "eve@example.org", code=1).err


def test_a_dry_run_says_what_would_go_out_and_stores_nothing(stocked: Cli) -> None:
    stocked("due")
    before = database(stocked)
    found = stocked.json("send", "--at", TUESDAY, "--dry-run")
    assert (found["composed"], found["dry_run"]) == (1, True)
    (digest,) = found["digests"]
    assert (digest["email"], digest["local_day"], len(digest["papers"])) == (ADA, "2025-05-27", 3)
    assert digest["subject"] in stocked("send", "--at", TUESDAY, "--dry-run").out
    assert database(stocked) == before
    assert stocked.mails() == []
    stocked("send", "--at", TUESDAY)
    assert papers_of(stocked.mails()[0]) == set(digest["papers"])


def test_a_like_changes_the_next_digest(stocked: Cli) -> None:
    stocked.load(entry(20, title="Protein folding", abstract="Enzyme mutations.", upvotes=0))
    unliked = stocked.json("send", "--at", TUESDAY, "--dry-run")["digests"][0]["papers"]
    assert "arxiv:2505.00020" not in unliked
    liked = entry(21, title="Protein folding of enzymes", abstract="", announced="2025-05-01")
    stocked.load(liked)
    stocked("rate", ADA, liked["id"], "like")
    assert stocked.json("send", "--at", TUESDAY, "--dry-run")["digests"][0]["papers"][0] == "arxiv:2505.00020"


def test_without_papers_nothing_is_sent_and_the_reader_stays_due(cli: Cli) -> None:
    cli("subscriber", "add", ADA, "--confirmed")
    assert cli.json("send", "--at", TUESDAY)["composed"] == 0
    assert len(cli.json("due", "--at", TUESDAY)) == 1


def test_a_server_that_is_not_there_stops_the_run_and_the_next_one_sends_everything(
    stocked: Cli, free_port: Callable[[], int], smtp_server: Callable[[int], Catcher]
) -> None:
    stocked("subscriber", "add", "bela@example.org", "--confirmed")
    port = free_port()
    stocked.configure(f'[smtp]\nhost = "127.0.0.1"\nport = {port}')
    found = stocked("send", "--at", TUESDAY, code=1)
    assert f"no connection to the SMTP server 127.0.0.1:{port}" in found.err
    assert "check [smtp] host, port and security" in found.err
    assert len(found.err.splitlines()) == 1
    again = stocked.json("send", "--at", TUESDAY, code=1)
    assert (again["composed"], again["sent"], again["deferred"], again["failed"]) == (0, 0, 0, 0)
    assert again["stopped"]

    catcher = smtp_server(port)
    assert stocked.json("send", "--at", TUESDAY)["sent"] == 2
    assert sorted(recipient for recipient, _ in catcher.mails) == [ADA, "bela@example.org"]
    preview = stocked("preview", ADA, "--at", TUESDAY, "--format", "eml").raw
    assert (ADA, preview) in catcher.mails
    assert stocked.json("send", "--at", TUESDAY)["sent"] == 0
    assert len(catcher.mails) == 2


def test_a_mailbox_that_cannot_be_written_stops_the_run_and_loses_nothing(stocked: Cli) -> None:
    (stocked.folder / "mailbox").write_text("a file where the folder should be")
    assert "see the settings 'mailbox'" in stocked("send", "--at", TUESDAY, code=1).err
    (stocked.folder / "mailbox").unlink()
    assert stocked.json("send", "--at", TUESDAY)["sent"] == 1


TITLES = {
    "markup": "<script>alert(\"1\")</script> & <b>bold</b> 'quotes' &amp; more",
    "line ends": "First line\r\nBcc: eve@example.org\r\n\r\nand a body",
    "right to left": "מודלים של שפה: نماذج اللغة",
    "emoji": "Robots 🤖 and families 👩‍👩‍👧 at café №5",
    "encoded word": "=?utf-8?q?not_encoded?= and = signs =20",
    "dots": ". a line of a dot",
    "long": "Word " * 1000,
    "one long word": "x" * 5000,
}


class _Headings(HTMLParser):
    """Collects tags, and the text of the headings."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES.keys())
def test_a_title_of_any_kind_comes_through_unharmed(cli: Cli, title: str) -> None:
    shown = readable(title)
    assert cli.load(entry(2, title=title))[0]["skipped"] == []
    cli("subscriber", "add", ADA, "--confirmed")
    assert cli.json("send", "--at", TUESDAY)["sent"] == 1
    (mail,) = cli.mails()
    assert max(len(line) for line in mail.read_bytes().split(b"\r\n")) <= 998
    message = parsed(mail.read_bytes())
    assert message["Bcc"] is None
    assert [one.get_content_type() for one in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    page = _Headings()
    page.feed(part(message, "html"))
    assert "script" not in page.tags
    html, text = (" ".join(one.split()) for one in (page.text, part(message, "plain")))
    if len(shown) <= 300:
        assert shown in html
        assert shown in text
        assert shown in message["Subject"] or len(shown) > 78
    else:
        # Cut at 300 for the mail, with a sign that it was.
        beginning = shown[:250]
        assert beginning in html
        assert beginning in text
        assert "…" in message["Subject"]
        assert shown not in html
