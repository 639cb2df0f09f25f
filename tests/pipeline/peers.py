"""The wiring of the jobs over a real store, and an SMTP server on loopback that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal

import jinja2
from aiosmtpd.controller import Controller

from digestbot.digest.compose import digest_delivery
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.mail.smtp import Server, SmtpConnection
from digestbot.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    Subscriber,
    SubscriberState,
)
from digestbot.pipeline.bounces import Bounces
from digestbot.pipeline.compose import Composer
from digestbot.pipeline.deliver import Deliverer
from digestbot.pipeline.letters import Letters
from digestbot.pipeline.refit import Fitter, Refitting
from digestbot.pipeline.run import Connection, Outcome
from digestbot.ranking.features import Recipe
from digestbot.ranking.rank import Choice
from digestbot.store import Preferences, Store
from digestbot.store.fits import Fits
from tests.factories import NOW, digest, paper

_RUN = count(1)
OK = "250 2.0.0 taken"
DOMAIN = "example.org"


@dataclass
class Post:
    """What the server says to whom, and what it took; by the recipient's address."""

    port: int
    to_recipient: dict[str, str] = field(default_factory=dict)
    to_data: dict[str, str] = field(default_factory=dict)
    hang_up_after_data: set[str] = field(default_factory=set)
    hang_up_at_mail: bool = False
    # One more connection hears 421 at its first mail.
    most_connections: int = 1000
    to_sender: str = "250 2.1.0 go on"
    seconds: float = 0.0
    # How many mails it had in hand at once, at most.
    at_once: int = 0
    _in_hand: int = 0
    _connections: list[Any] = field(default_factory=list)
    # Everything whose data came, whatever was answered; and what was answered with 250.
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: Any, session: Any, envelope: Any, address: str, mail_options: list[str]
    ) -> str:
        if self.hang_up_at_mail:
            server.transport.close()
            return OK
        if session not in self._connections:
            if len(self._connections) >= self.most_connections:
                return "421 4.7.0 too many connections"
            self._connections.append(session)
        if self.to_sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(mail_options)
        return self.to_sender

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, rcpt_options: list[str]
    ) -> str:
        reply = self.to_recipient.get(address, "250 2.1.5 known")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        [address] = envelope.rcpt_tos
        with self.changed:
            self.seen.append((address, envelope.content))
            self._in_hand += 1
            self.at_once = max(self.at_once, self._in_hand)
            self.changed.notify_all()
        if self.seconds:
            await asyncio.sleep(self.seconds)
        self._in_hand -= 1
        if address in self.hang_up_after_data:
            server.transport.close()
            return OK
        reply = self.to_data.get(address, OK)
        if reply.startswith("250"):
            self.taken.append((address, envelope.content))
        return reply

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until the condition holds, looking at it whenever a mail comes."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), "the mails did not come"

    def addresses(self) -> list[str]:
        """Return who got a mail, in order of address."""
        return sorted(address for address, _ in self.taken)

    def message_ids(self) -> dict[str, Counter[str]]:
        """Return for each address the Message-IDs that were seen, and how often."""
        found: dict[str, Counter[str]] = {}
        for address, content in self.seen:
            match = re.search(rb"^Message-ID: (\S+)", content, re.MULTILINE)
            assert match is not None
            found.setdefault(address, Counter())[match.group(1).decode()] += 1
        return found


@contextmanager
def listening(post: Post) -> Iterator[Post]:
    controller = Controller(post, hostname="127.0.0.1", port=post.port)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()


@contextmanager
def narrow_door(port: int, most: Callable[[], int]) -> Iterator[int]:
    """Yield a port that leads to another, for so many connections at a time; one more hears 421."""
    inside: set[threading.Thread] = set()
    ended = threading.Event()

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(guest: socket.socket) -> None:
        with guest, socket.create_connection(("127.0.0.1", port)) as host:
            back = threading.Thread(target=pass_on, args=(host, guest))
            back.start()
            pass_on(guest, host)
            back.join()
        inside.discard(threading.current_thread())

    def watch(door: socket.socket) -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                guest, _ = door.accept()
                if len(inside) >= most():
                    with guest:
                        guest.sendall(b"421 4.7.0 too many connections\r\n")
                    continue
                one = threading.Thread(target=serve, args=(guest,))
                inside.add(one)
                one.start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.05)
        watching = threading.Thread(target=watch, args=(door,))
        watching.start()
        yield int(door.getsockname()[1])
        ended.set()
        watching.join()
    for one in list(inside):
        one.join()


def fitter(store: Store, **changes: Any) -> Fitter:
    values: dict[str, Any] = {"corpus_papers": 1000, "recipe": Recipe(dimensions=20)}
    database = store.database.path
    return Fitter(store.papers, Fits(database.with_name(f"{database.name}.fits")), Refitting(**values | changes))


def composer(store: Store, *, quiet: bool = False, **changes: Any) -> Composer:
    values: dict[str, Any] = {"choice": Choice(**changes), "window_days": 3, "domain": DOMAIN}
    values["quiet"] = store.outbox if quiet else None
    return Composer(store.papers, store.subscribers, store.ratings, store.digests, fitter(store), **values)


def letters(store: Store, templates: jinja2.Environment, links: Links) -> Letters:
    sender = Sender(sender=f"digestbot <digestbot@{DOMAIN}>", list_name="Daily paper digest")
    return Letters(store.digests, store.subscribers, Renderer(templates, links), links, sender)


@dataclass
class Office:
    """Delivers from one store to one server."""

    store: Store
    letters: Letters
    port: int
    connections: int = 1
    on_uncertain: Literal["resend", "hold"] = "resend"

    def deliver(
        self, now: datetime = NOW, *, only: int | None = None, ending: Callable[[], bool] = lambda: False
    ) -> Outcome:
        """Do one whole run at one time."""
        server = Server(host="127.0.0.1", port=self.port, security="none")

        def connect() -> Connection:
            return SmtpConnection(server)

        deliverer = Deliverer(
            outbox=self.store.outbox,
            bounces=Bounces(
                ledger=self.store.bounces, suppressions=self.store.suppressions, subscribers=self.store.subscribers
            ),
            letters=self.letters,
            connect=connect,
            connections=self.connections,
            on_uncertain=self.on_uncertain,
            pause=0.01,
            chance=lambda: 0.0,
        )
        self.store.outbox.open_run(f"run{next(_RUN)}")
        try:
            return asyncio.run(
                deliverer.deliver(lambda: now, moment=lambda: datetime.now(UTC), only=only, ending=ending)
            )
        finally:
            self.store.outbox.close_run()

    def post(self, *names: str, at: datetime = NOW) -> list[Digest]:
        """Put a digest of that day for each of these new subscribers into the outbox."""
        papers = [paper(number) for number in (1, 2, 3)]
        self.store.papers.add(papers, NOW)
        made = []
        for name in names:
            reader = join(self.store, name)
            one = digest(*papers, reader=reader, local_day=at.date(), composed_at=at)
            self.store.digests.add([(one, digest_delivery(one, reader, domain=DOMAIN))])
            made.append(one)
        return made

    def delivery(self, one: Digest) -> Delivery:
        found = self.store.outbox.find(DeliveryKind.DIGEST, str(one.id))
        assert found is not None
        return found

    def states(self) -> dict[str, int]:
        return {str(state): many for state, many in self.store.outbox.counts().items()}

    def state(self, one: Digest) -> DeliveryState:
        return self.delivery(one).state


def join(store: Store, name: str, **changes: Any) -> Subscriber:
    return store.subscribers.add(f"{name}@{DOMAIN}", SubscriberState.ACTIVE, Preferences(**changes), NOW)
