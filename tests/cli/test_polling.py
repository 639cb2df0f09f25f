"""The job that fetches bounces: from a Maildir, when it is time, with a mailbox that is not always there."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestbot.cli.installation import Installation
from digestbot.cli.jobs import Jobs
from digestbot.errors import StoreError
from digestbot.models import SubscriberState
from digestbot.settings import read_settings
from digestbot.store import Preferences
from tests.factories import NOW
from tests.mail.bounced import POSTFIX, RETURN_PATH, by_a_person, plain

MINUTE = timedelta(minutes=1)


class Desk:
    """An installation with one subscriber, whose bounces come to a Maildir."""

    def __init__(self, folder: Path) -> None:
        (folder / "settings.toml").write_text(
            """
            mail.bounce_domain = "bounce.example.org"
            bounces = { kind = "maildir", maildir = "box", folder = "Read", every_minutes = 5 }
            """
        )
        self.folder = folder / "box"
        self.now: datetime = NOW
        self.installation = Installation(read_settings(folder / "settings.toml", {}, folder=folder), {})
        self.jobs = Jobs(self.installation, lambda: self.now)
        self.ada = self.installation.store.subscribers.add(
            "ada@example.org", SubscriberState.ACTIVE, Preferences(), NOW
        )

    def poll(self, after: timedelta = MINUTE) -> None:
        self.now += after
        asyncio.run(self.jobs.poll())

    def returned(self) -> bytes:
        addresses = self.installation.addresses
        assert addresses
        return POSTFIX.replace(RETURN_PATH.encode(), addresses.bounce(self.ada.id).encode())

    @property
    def state(self) -> str:
        return str(self.installation.store.subscribers.get(self.ada.id).state)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.installation.close()


def test_bounces_are_acted_on_and_moved_and_what_is_none_is_left(desk: Desk) -> None:
    box = mailbox.Maildir(desk.folder)
    for mail in (desk.returned(), by_a_person(plain("Hello.", sender="cy@example.net", subject="Hello")), POSTFIX):
        box.add(mail)
    desk.poll()
    assert desk.state == SubscriberState.BOUNCED
    # The one that is forged, and the one of a person.
    assert (len(box), len(box.get_folder("Read"))) == (2, 1)
    assert {one.get_flags() for one in box} == {"S"}


def test_the_mailbox_is_looked_at_as_often_as_the_settings_say(desk: Desk) -> None:
    box = mailbox.Maildir(desk.folder)
    desk.poll()
    box.add(desk.returned())
    desk.poll(4 * MINUTE)
    assert desk.state == SubscriberState.ACTIVE
    desk.poll()
    assert desk.state == SubscriberState.BOUNCED


def test_a_mailbox_that_is_not_there_is_said_and_tried_again(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.poll()
    assert "bounces not fetched" in capsys.readouterr().out
    mailbox.Maildir(desk.folder).add(desk.returned())
    desk.poll(5 * MINUTE)
    assert desk.state == SubscriberState.BOUNCED


def test_a_bounce_that_cannot_be_stored_comes_again(desk: Desk) -> None:
    mailbox.Maildir(desk.folder).add(desk.returned())
    database = desk.installation.store.database
    with database.write() as connection:
        connection.execute("alter table suppressions rename to elsewhere")
    with pytest.raises(StoreError):
        desk.poll()
    with database.write() as connection:
        connection.execute("alter table elsewhere rename to suppressions")
    desk.poll(5 * MINUTE)
    assert desk.state == SubscriberState.BOUNCED


def test_once_the_end_is_near_no_mailbox_is_looked_at(desk: Desk) -> None:
    mailbox.Maildir(desk.folder).add(desk.returned())
    asyncio.run(desk.jobs.finished())
    desk.poll()
    assert desk.state == SubscriberState.ACTIVE


def test_the_ticker_polls_only_where_there_is_a_mailbox(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("")
    without = Installation(read_settings(tmp_path / "settings.toml", {}, folder=tmp_path), {})

    async def names(installation: Installation) -> list[str]:
        ticker = Jobs(installation, lambda: NOW).ticker()
        return sorted(ticker.names)

    assert asyncio.run(names(desk.installation)) == ["load", "poll", "send"]
    assert asyncio.run(names(without)) == ["load", "send"]
