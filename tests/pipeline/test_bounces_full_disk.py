"""A disk that is full when a report comes in: nothing of it is lost, by whichever way it comes."""

from __future__ import annotations

import mailbox
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot.errors import FullDiskError
from digestbot.links import SignedAddresses
from digestbot.mail.mailboxes import MaildirMailbox
from digestbot.models import DeliveryState, SubscriberState
from digestbot.pipeline.bounces import Bounces
from digestbot.pipeline.departures import Departures
from digestbot.pipeline.incoming import Incoming
from digestbot.pipeline.poll import poll
from digestbot.store import Store
from digestbot.web.webhooks import Webhooks, configured
from tests.disks import Disk
from tests.factories import KEY, NOW, new_store
from tests.mail.bounced import MAIL, addressed, complaint, dsn, recipient
from tests.pipeline.program import command, environ
from tests.store.scenes import join
from tests.web.webhooks.senders import Amazon, sendgrid, sendgrid_key, shown_by_sendgrid

ADDRESSES = SignedAddresses("bounce.example.org", [KEY])


@pytest.fixture
def store(disk: Disk) -> Iterator[Store]:
    with closing(new_store(disk.folder / "digestbot.sqlite")) as opened:
        yield opened


def bounces(store: Store) -> Bounces:
    return Bounces(ledger=store.bounces, suppressions=store.suppressions, subscribers=store.subscribers)


def a_bounce(reader: int) -> bytes:
    return dsn(recipient("5.1.1"), to=ADDRESSES.bounce(reader))


def a_complaint(reader: int) -> bytes:
    return complaint(returned=MAIL.replace("unsub+token@bounce.example.org", ADDRESSES.unsubscribe(reader)))


def a_farewell(reader: int) -> bytes:
    leaving = addressed("From: ada@example.org\nSubject: unsubscribe\n\n", to=ADDRESSES.unsubscribe(reader))
    return leaving.replace(b"Return-Path: <>", b"Return-Path: <ada@example.org>")


@pytest.mark.parametrize(
    ("mail", "state", "waiting"),
    [
        (a_bounce, SubscriberState.BOUNCED, {}),
        (a_complaint, SubscriberState.UNSUBSCRIBED, {}),
        (a_farewell, SubscriberState.UNSUBSCRIBED, {DeliveryState.PENDING: 1}),
    ],
)
@pytest.mark.usefixtures("capsys")
def test_a_mail_stays_in_the_mailbox_until_there_is_room(
    disk: Disk,
    store: Store,
    tmp_path: Path,
    mail: Callable[[int], bytes],
    state: SubscriberState,
    waiting: dict[DeliveryState, int],
) -> None:
    ada = join(store)
    incoming = Incoming(
        addresses=ADDRESSES,
        subscribers=store.subscribers,
        bounces=bounces(store),
        domain="example.org",
    )
    folder = tmp_path / "box"
    mailbox.Maildir(folder).add(mail(ada.id))
    [new] = (folder / "new").iterdir()
    with disk.full(0), pytest.raises(FullDiskError):
        poll(MaildirMailbox(folder), incoming, lambda: NOW)
    assert new.exists()
    assert (store.subscribers.get(ada.id).state, store.outbox.counts()) == (SubscriberState.ACTIVE, {})
    assert poll(MaildirMailbox(folder), incoming, lambda: NOW).done == 1
    assert (store.subscribers.get(ada.id).state, store.outbox.counts()) == (state, waiting)
    assert not new.exists()


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"event": "bounce", "type": "bounce", "reason": "550 5.1.1 no such user"}, SubscriberState.BOUNCED),
        ({"event": "unsubscribe"}, SubscriberState.UNSUBSCRIBED),
    ],
)
@pytest.mark.usefixtures("capsys")
def test_a_webhook_asks_for_the_same_again(
    disk: Disk, store: Store, event: dict[str, str], state: SubscriberState
) -> None:
    ada = join(store)
    webhooks = Webhooks(
        providers=configured(fetch=Amazon().fetch, sendgrid_public_key=shown_by_sendgrid(sendgrid_key())),
        bounces=bounces(store),
        subscriptions=Departures(ledger=store.bounces, subscribers=store.subscribers),
        clock=lambda: NOW,
    )
    request = sendgrid([event | {"email": ada.email}])
    with TestClient(Starlette(routes=[webhooks.route])) as client:
        with disk.full(0):
            told = client.post("/webhooks/sendgrid", content=request.body, headers=request.headers)
        assert told.status_code == 503
        assert store.subscribers.get(ada.id).state == SubscriberState.ACTIVE
        told = client.post("/webhooks/sendgrid", content=request.body, headers=request.headers)
        assert told.status_code == 200
    assert store.subscribers.get(ada.id).state == state


def test_a_mail_server_keeps_what_its_pipe_could_not_take(disk: Disk) -> None:
    settings = disk.folder / "settings.toml"
    settings.write_text('[mail]\nbounce_domain = "bounce.example.org"\n', encoding="utf-8")
    (disk.folder / "digestbot.secret").write_text(f'keys = ["{KEY}"]\n', encoding="utf-8")
    (disk.folder / "digestbot.secret").chmod(0o600)
    with closing(new_store(disk.folder / "digestbot.sqlite")) as store:
        ada = join(store)

    with disk.full(0):
        refused = subprocess.run(
            command(settings, "bounce"), input=a_bounce(ada.id), capture_output=True, check=False, env=environ()
        )
    assert (refused.returncode, refused.stdout) == (75, b"")
    assert b"the disk is full" in refused.stderr
