"""The ledger of a run: what cannot be written for now is tried again for a while, claims are not, and a run ends."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import structlog

from digestbot.errors import FullDiskError, StoreError
from digestbot.models import Claim, Delivery, DeliveryState, Digest, Mark, Settled
from digestbot.pipeline.ledger import Ledger
from digestbot.store import Store
from tests.disks import limited
from tests.factories import NOW, paper
from tests.store.scenes import held, join, post

# Less than the header of a database's log.
NO_ROOM = 16


@pytest.fixture(autouse=True)
def no_logs() -> None:
    # Pytest catches them in a file, which cannot grow either.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    store.database.connection.execute("pragma wal_checkpoint(truncate)")
    with limited(NO_ROOM):
        yield


def in_a_ledger(store: Store, patience: float, work: Callable[[Ledger], object]) -> object:
    async def run() -> object:
        async with Ledger(
            store.outbox, clock=lambda: NOW, moment=lambda: datetime.now(UTC), patience=patience
        ) as ledger:
            return await work(ledger)  # type: ignore[misc]

    return asyncio.run(run())


@pytest.fixture
def claimed(store: Store) -> Iterator[tuple[Digest, Delivery]]:
    """A digest whose mail this run has in hand."""
    made, delivery = post(store, join(store), [paper()])
    store.outbox.open_run("one")
    store.outbox.settle(NOW, NOW, claims=[Claim(delivery=delivery)])
    yield made, delivery
    store.outbox.close_run()


def test_on_a_full_disk_no_mail_is_begun_and_who_asks_is_told_so(store: Store) -> None:
    _, delivery = post(store, join(store), [paper()])
    store.outbox.open_run("one")
    with full_disk(store):
        settled = in_a_ledger(store, 60.0, lambda ledger: ledger.turn(claim=Claim(delivery=delivery)))
    assert settled == Settled(claimed=frozenset(), waits={})
    store.outbox.close_run()


def test_a_run_that_only_claims_comes_to_an_end_on_a_full_disk_too(store: Store) -> None:
    _, delivery = post(store, join(store), [paper()])
    store.outbox.open_run("one")

    async def claim_again_and_again(ledger: Ledger) -> None:
        for _ in range(5):
            await ledger.turn(claim=Claim(delivery=delivery))

    with full_disk(store), pytest.raises(FullDiskError):
        in_a_ledger(store, 0.5, claim_again_and_again)
    store.outbox.close_run()


def test_a_mark_waits_until_there_is_room(store: Store, claimed: tuple[Digest, Delivery]) -> None:
    made, delivery = claimed

    async def mark(ledger: Ledger) -> None:
        marking = asyncio.create_task(ledger.turn(Mark(delivery=delivery, state=DeliveryState.SENT, code=250)))
        with full_disk(store):
            await asyncio.sleep(0.2)
            assert not marking.done()
        await marking

    in_a_ledger(store, 60.0, mark)
    assert held(store, made).state == DeliveryState.SENT


def test_a_lock_that_cannot_be_looked_at_is_not_taken_for_a_dead_process(store: Store, tmp_path: Path) -> None:
    made, delivery = post(store, join(store), [paper()])
    store.outbox.open_run("other")
    store.outbox.settle(NOW, NOW, claims=[Claim(delivery=delivery)])
    store.outbox.close_run()
    # Nobody can lock a folder, as nobody but its owner can a file without rights.
    (tmp_path / "digestbot.sqlite.runs" / "other.lock").mkdir()
    store.outbox.open_run("one")
    with pytest.raises(StoreError, match=r"other\.lock: cannot be locked"):
        store.outbox.recover(NOW, "resend")
    assert held(store, made).state == DeliveryState.SENDING
    store.outbox.close_run()


def test_a_mark_waits_while_another_program_holds_the_database(store: Store, claimed: tuple[Digest, Delivery]) -> None:
    made, delivery = claimed

    async def mark(ledger: Ledger) -> None:
        # As after half a minute: a program that was stopped in the middle of a commit.
        await ledger.call(lambda: store.database.connection.execute("pragma busy_timeout = 10"))
        with closing(sqlite3.connect(store.database.path, isolation_level=None)) as other:
            other.execute("begin immediate")
            marking = asyncio.create_task(ledger.turn(Mark(delivery=delivery, state=DeliveryState.SENT, code=250)))
            await asyncio.sleep(0.3)
            assert not marking.done()
        await marking

    in_a_ledger(store, 60.0, mark)
    assert held(store, made).state == DeliveryState.SENT


def test_what_else_is_written_waits_as_patiently_and_not_longer(store: Store) -> None:
    post(store, join(store), [paper()])
    refused: list[FullDiskError] = []
    moments = (NOW + number * timedelta(minutes=1) for number in count())

    def slow_down() -> None:
        store.outbox.slow_down(1.0, next(moments))

    async def write(ledger: Ledger) -> None:
        writing = asyncio.create_task(ledger.write(slow_down))
        with full_disk(store):
            await asyncio.sleep(0.2)
            assert not writing.done()
        await writing

    async def give_up(ledger: Ledger) -> None:
        with full_disk(store):
            try:
                await ledger.write(slow_down)
            except FullDiskError as error:
                refused.append(error)

    in_a_ledger(store, 60.0, write)
    [row] = store.database.rows("select slow from rates")
    assert row["slow"] == 0.5
    in_a_ledger(store, 0.1, give_up)
    assert len(refused) == 1
