"""What one complete personal mail of ten papers costs: rendered, encoded, assembled and signed twice.

The rival is the plain way: the same HTML and text through ``EmailMessage`` and the pure-Python signer of dkimpy. Both
make mails of the same digests, of real papers, in turns; every digest is another reader's, with another choice of the
day's papers.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import dkim  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from stage import DATA, AbsentError, data_files, say

from digestbot.digest.compose import compose, digest_delivery
from digestbot.digest.environment import environment
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.dkim import Signer
from digestbot.mail.message import Sender, digest_headers
from digestbot.models import Delivery, Digest, Paper, Reason, Scored, Subscriber, SubscriberState, parse_time
from digestbot.pipeline.letters import Letters
from digestbot.settings import packaged
from digestbot.sources.files import read_papers

DAY = date(2025, 5, 27)
NOW = datetime(2025, 5, 27, 7, 0, tzinfo=UTC)
BASE, DOMAIN = "https://papers.example.org", "example.org"
PAPERS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    try:
        (file,) = data_files(arguments.data, "arxiv_stream/2025-05.jsonl.gz")
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    papers = [paper for paper in read_papers(file, default_day=DAY).papers if paper.announced == DAY]
    mails = [mail(papers, number) for number in range(arguments.mails)]
    rsa_key, ed25519_key = generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    signer = Signer(
        domain=DOMAIN, selector_rsa="digestbot-rsa", rsa=rsa_key, selector_ed25519="digestbot-ed", ed25519=ed25519_key
    )
    links = Links(BASE, ["k" * 43])
    renderer = Renderer(environment(packaged("templates")), links, postal_address="Lindenstraße 1, 10969 Berlin")
    sender = Sender(sender="Paper Digest <digest@example.org>", list_name="Daily papers")
    # Nothing is stored.
    ours = Letters(None, None, renderer, links, sender, signer.sign)  # type: ignore[arg-type]
    unsigned = Letters(None, None, renderer, links, sender)  # type: ignore[arg-type]
    plain = Plain(renderer, links, sender, rsa_key, ed25519_key)
    few = mails[:: max(1, len(mails) // 50)]
    # What a day's first mails render is there for all others.
    first = milliseconds(ours.write_digest, mails)
    print(f"{len(mails):,} mails of {PAPERS} of {len(papers)} papers; the first time: {first:.2f} ms a mail")
    signed, bare, rival = [], [], []
    for _ in range(arguments.rounds):
        signed.append(milliseconds(ours.write_digest, mails))
        bare.append(milliseconds(unsigned.write_digest, mails))
        rival.append(milliseconds(plain.write_digest, few))
    size = statistics.mean(len(ours.write_digest(*one)) for one in few)
    print(f"{'':44}{'ms a mail':>10}{'a second, one core':>20}")
    for label, found in (
        (f"digestbot, {size / 1000:.0f} kB, signed by RSA and Ed25519", signed),
        ("the same, not signed", bare),
        ("EmailMessage and dkimpy, signed by both", rival),
    ):
        middle = statistics.median(found)
        print(f"{label:44}{middle:>10.2f}{1000 / middle:>20,.0f}")
    print(f"ratio: {statistics.median(rival) / statistics.median(signed):.1f}")
    return 0


def mail(papers: Sequence[Paper], number: int) -> tuple[Digest, Subscriber, Delivery]:
    chance = random.Random(number)
    kinds = ["terms"] * 6 + ["liked", "follow", "trending", "explore"]
    reader = Subscriber(
        id=chance.getrandbits(62),
        email=f"reader{number}@example.net",
        state=SubscriberState.ACTIVE,
        timezone="UTC",
        send_at=parse_time("07:00"),
        days="daily",
        papers=PAPERS,
        categories=(),
        created_at=NOW,
    )
    chosen = [
        Scored(paper=paper, score=1 - place / PAPERS, reason=reason(paper, chance.choice(kinds), papers, chance))
        for place, paper in enumerate(chance.sample(papers, PAPERS))
    ]
    digest = compose(chosen, reader, local_day=DAY, now=NOW, number=chance.randrange(2, 99), considered=len(papers))
    return digest, reader, digest_delivery(digest, reader, domain=DOMAIN)


def reason(paper: Paper, kind: str, papers: Sequence[Paper], chance: random.Random) -> Reason:
    words = [word.lower() for word in paper.abstract.split() if word.isalpha() and len(word) > 5]
    terms: tuple[str, ...] = tuple(dict.fromkeys(chance.sample(words, min(3, len(words)))))
    if kind == "liked":
        terms = (chance.choice(papers).title,)
    elif kind == "follow":
        terms = (chance.choice(paper.authors),)
    elif kind == "trending":
        terms = ()
    return Reason(kind=kind, terms=terms, amounts=(0.1,) * len(terms))  # type: ignore[arg-type]


class Plain:
    """The same mail by the standard library's message and a signer in Python."""

    def __init__(
        self, renderer: Renderer, links: Links, sender: Sender, rsa: RSAPrivateKey, ed25519: Ed25519PrivateKey
    ) -> None:
        self._renderer, self._links, self._sender = renderer, links, sender
        self._rsa = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._ed25519 = b64encode(ed25519.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    def write_digest(self, digest: Digest, reader: Subscriber, delivery: Delivery) -> bytes:
        rendered = self._renderer.digest(digest, reader)
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self._sender.sender, delivery.address
        message["Subject"], message["Date"] = rendered.subject, delivery.created_at
        message["Message-ID"] = delivery.message_id
        unsubscribe = self._links.unsubscribe(reader.id)
        for name, value in digest_headers(self._sender, unsubscribe=unsubscribe, one_click=True, day=str(DAY)):
            message[name] = value
        message.set_content(rendered.text, cte="quoted-printable")
        message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        made = message.as_bytes()
        by_rsa = dkim.sign(made, b"digestbot-rsa", DOMAIN.encode(), self._rsa)
        by_ed25519 = dkim.sign(
            made, b"digestbot-ed", DOMAIN.encode(), self._ed25519, signature_algorithm=b"ed25519-sha256"
        )
        return bytes(by_rsa + by_ed25519 + made)


def milliseconds(write: Callable[..., bytes], mails: Sequence[tuple[Digest, Subscriber, Delivery]]) -> float:
    began = time.process_time()
    for one in mails:
        write(*one)
    return 1000 * (time.process_time() - began) / len(mails)


if __name__ == "__main__":
    sys.exit(main())
