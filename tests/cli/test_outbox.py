"""``outbox``: what is not done and why, and what was held, sent after all; and who is told when nothing goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest
from structlog.testing import capture_logs

from digestbot.cli.installation import Installation
from digestbot.cli.jobs import Jobs
from digestbot.errors import DigestbotError
from digestbot.models import DeliveryState
from digestbot.settings import read_settings
from digestbot.store import Store
from tests.cli.conftest import ADA, Cli
from tests.factories import NOW, alert, new_store, paper
from tests.pipeline.peers import Post, listening
from tests.store.scenes import claim, join, mark, post

AT = "2025-05-27T08:30"
TUESDAY = "2025-05-27T08:00"
ADMIN = "admin@example.org"


@pytest.fixture
def store(cli: Cli) -> Iterator[Store]:
    opened = new_store(cli.folder / "digestbot.sqlite")
    opened.outbox.open_run("one")
    yield opened
    opened.outbox.close_run()
    opened.close()


def ended(store: Store, state: DeliveryState, *, now: datetime = NOW, **how: Any) -> int:
    """Return the id of a new reader's mail that ended so."""
    one = post(store, join(store), [paper()])[1]
    mark(store, one, state, now, **how)
    return one.id


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


# what is listed


def test_when_all_is_done_one_line_says_so(cli: Cli) -> None:
    assert cli("outbox").out == "nothing waits, and all mails of the last 7 days went out\n"
    assert cli.json("outbox") == {
        "counts": {"pending": 0, "sending": 0, "deferred": 0, "held": 0, "expired": 0, "failed": 0, "bounced": 0},
        "oldest": None,
        "reasons": [],
        "deliveries": [],
    }


def test_a_mail_that_waits_is_listed_with_the_words_of_the_server(cli: Cli, store: Store) -> None:
    reader = join(store, email=ADA)
    one = post(store, reader, [paper()])[1]
    mark(store, one, DeliveryState.DEFERRED, NOW, code=451, text="4.3.0 later\x1b[2J", next_at=NOW + timedelta(hours=1))
    found = lines(cli("outbox", "--at", AT).out)
    assert f"{one.id} digest {ADA} deferred 1 2025-05-27 09:00 UTC 2025-05-27 08:00 UTC 451 4.3.0 later [2J" in found
    assert found[-1] == "1 mail not done: 1 deferred; the oldest that waits is of 2025-05-27 08:00 UTC"
    assert " deferred 1 now " in "\n".join(lines(cli("outbox", "--at", "2025-05-27T09:00").out))
    [listed] = cli.json("outbox", "--at", AT)["deliveries"]
    assert listed == {
        "id": one.id,
        "message_id": one.message_id,
        "kind": "digest",
        "to": ADA,
        "state": "deferred",
        "attempts": 1,
        "next_try": "2025-05-27T09:00:00+00:00",
        "since": "2025-05-27T08:00:00+00:00",
        "changed_at": "2025-05-27T08:00:00+00:00",
        "uncertain": False,
        "code": 451,
        "text": "4.3.0 later\x1b[2J",
    }


def test_what_nobody_has_said_anything_about_says_where_it_stands(cli: Cli, store: Store) -> None:
    post(store, join(store), [paper()])
    store.outbox.add(alert())
    [one] = claim(store, 1, NOW)
    assert one.kind == "alert"
    found = lines(cli("outbox", "--at", AT).out)
    assert f"{one.id} alert {ADMIN} sending 1 - 2025-05-27 08:00 UTC a process has it in hand" in found
    assert found[-2].endswith("pending 0 now 2025-05-27 08:00 UTC not tried yet")


def test_all_states_are_counted_and_what_ended_is_forgotten_after_a_week(cli: Cli, store: Store) -> None:
    for state in ("held", "failed", "failed", "bounced", "expired", "sent"):
        ended(store, DeliveryState(state))
    post(store, join(store), [paper()])
    assert cli.json("outbox", "--at", AT)["counts"] == {
        "pending": 1,
        "sending": 0,
        "deferred": 0,
        "held": 1,
        "expired": 1,
        "failed": 2,
        "bounced": 1,
    }
    found = cli("outbox", "--at", AT).out
    assert "6 mails not done: 1 pending, 1 held, 1 expired, 2 failed, 1 bounced; the oldest" in found
    assert "'digestbot outbox retry ID'" in found
    assert cli.json("outbox", "--at", "2025-06-03T08:01")["counts"]["failed"] == 0
    assert "retry" not in cli("outbox", "--at", "2025-06-03T08:01").out
    assert cli.json("outbox", "--at", "2025-06-03T08:01")["counts"]["pending"] == 1


def test_when_there_are_many_reasons_are_counted_without_what_each_mail_has_of_its_own(cli: Cli, store: Store) -> None:
    for number in range(12):
        text = f"4.7.1 <reader{number}@example.org>: greylisted, come back in {number} seconds (queue 4Xy{number}Q)"
        ended(store, DeliveryState.DEFERRED, code=451, text=text, next_at=NOW)
    ended(store, DeliveryState.FAILED, code=554, text="5.3.4 too large")
    found = lines(cli("outbox", "--at", AT, "--limit", "2").out)
    assert "12 deferred 451 4.7.1 … greylisted, come back in … seconds (queue …" in found
    assert "1 failed 554 5.3.4 too large" in found
    assert "11 more are not listed; --limit 13 lists all" in found
    assert len([line for line in found if "example.org" in line]) == 2
    whole = cli.json("outbox", "--at", AT)
    assert len(whole["deliveries"]) == 13
    assert [one["mails"] for one in whole["reasons"]] == [12, 1]
    assert len(cli.json("outbox", "--at", AT, "--limit", "2")["deliveries"]) == 2
    assert "example.org" not in cli("outbox", "--at", AT, "--limit", "0").out


def test_more_than_fifty_are_not_listed_unless_asked_for(cli: Cli, store: Store) -> None:
    for _ in range(51):
        post(store, join(store), [paper()])
    assert "1 more are not listed" in cli("outbox", "--at", AT).out
    assert "not listed" not in cli("outbox", "--at", AT, "--limit", "51").out


def test_listing_changes_nothing(cli: Cli, store: Store) -> None:
    ended(store, DeliveryState.HELD)
    before = list(store.database.connection.iterdump())
    cli("outbox")
    cli.json("outbox")
    assert list(store.database.connection.iterdump()) == before


@pytest.mark.parametrize("wrong", [["--limit", "-1"], ["--at", "soon"], ["now"], ["--json", "retry", "--held"]])
def test_wrong_usage_is_said_with_2(cli: Cli, wrong: list[str]) -> None:
    cli("outbox", *wrong, code=2)


# what was held


def test_a_held_mail_goes_out_after_all_under_its_message_id(stocked: Cli) -> None:
    stocked("send", "--at", TUESDAY)
    (first,) = stocked.mails()
    opened = new_store(stocked.folder / "digestbot.sqlite")
    with opened.database.write() as connection:
        connection.execute("update deliveries set state = 'held', uncertain = 1")
    opened.close()
    [held] = stocked.json("outbox", "--at", AT)["deliveries"]
    assert (held["state"], held["uncertain"]) == ("held", True)
    first.unlink()
    assert "1 mail to be sent again" in stocked("outbox", "retry", str(held["id"])).out
    assert stocked.json("send", "--at", TUESDAY)["sent"] == 1
    (again,) = stocked.mails()
    assert message_from_bytes(again.read_bytes())["Message-ID"] == held["message_id"]
    assert stocked.json("outbox")["deliveries"] == []


def test_only_what_is_held_is_sent_again(cli: Cli, store: Store) -> None:
    held, failed = ended(store, DeliveryState.HELD), ended(store, DeliveryState.FAILED)
    found = cli("outbox", "retry", str(held), str(failed), "77777", code=1)
    assert f"{failed}, 77777: not held; see 'digestbot outbox'" in found.err
    counts = cli.json("outbox", "--at", AT)["counts"]
    assert (counts["pending"], counts["failed"], counts["held"]) == (1, 1, 0)


def test_all_that_were_held_in_the_last_week_are_sent_again_and_older_ones_are_not(cli: Cli, store: Store) -> None:
    old = ended(store, DeliveryState.HELD)
    new = [ended(store, DeliveryState.HELD, now=datetime.now(UTC)) for _ in range(2)]
    assert cli.json("outbox", "retry", "--held") == {"retried": sorted(new)}
    assert cli("outbox", "retry", "--held").out == "0 mails to be sent again\n"
    assert cli.json("outbox", "retry", str(old)) == {"retried": [old]}


@pytest.mark.parametrize("wrong", [[], ["7", "--held"], ["seven"]])
def test_which_mails_are_meant_must_be_clear(cli: Cli, wrong: list[str]) -> None:
    cli("outbox", "retry", *wrong, code=2)


# who is told


@pytest.fixture
def refusing(stocked: Cli, free_port: Callable[[], int]) -> Iterator[Post]:
    """A server that refuses our sender, and an installation with an admin that sends to it."""
    server = Post(free_port(), to_sender="550 5.7.26 not authenticated")
    stocked.configure(f'[smtp]\nhost = "127.0.0.1"\nport = {server.port}\n[mail]\nadmin = "{ADMIN}"\n')
    with listening(server):
        yield server


def test_a_send_that_is_refused_says_that_the_admins_mail_waits_too(stocked: Cli, refusing: Post) -> None:
    found = stocked("send", "--at", TUESDAY, code=1)
    *log, stopped, told = found.err.splitlines()
    assert "550 5.7.26 not authenticated" in stopped
    assert told.startswith("digestbot: a mail to the admin waits with the others")
    assert [line for line in log if "the server refuses us" in line]
    waiting = stocked.json("outbox", "--at", AT)["deliveries"]
    assert sorted((one["kind"], one["to"]) for one in waiting) == [("alert", ADMIN), ("digest", ADA)]
    refusing.to_sender = "250 2.1.0 go on"
    assert stocked.json("send", "--at", TUESDAY)["sent"] == 2
    assert refusing.addresses() == [ADA, ADMIN]


def test_without_an_admin_a_send_that_is_refused_says_that_nobody_is_told(stocked: Cli, refusing: Post) -> None:
    stocked.configure(f'[smtp]\nhost = "127.0.0.1"\nport = {refusing.port}\n')
    assert "[mail] admin is not set" in stocked("send", "--at", TUESDAY, code=1).err
    assert stocked.json("send", "--at", TUESDAY, code=1)["stopped"]


def test_the_scheduler_tells_the_admin_too(stocked: Cli, refusing: Post) -> None:
    installation = Installation(read_settings(stocked.folder / "settings.toml", {}, folder=stocked.folder), {})
    jobs = Jobs(installation, lambda: datetime(2025, 5, 27, 8, tzinfo=UTC))
    with capture_logs() as logs, pytest.raises(DigestbotError, match="delivery stopped"):
        asyncio.run(jobs.send())
    assert "the server refuses us" in [one["event"] for one in logs]
    kinds = [one.kind for one in installation.store.undone.listed(NOW)]
    assert sorted(kinds) == ["alert", "digest"]
    refusing.to_sender = "250 2.1.0 go on"
    asyncio.run(jobs.send())
    assert len(refusing.taken) == 2
    installation.close()
