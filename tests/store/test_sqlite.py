"""The SQLite store: the contract, and the rules of the house."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from digestbot.errors import StoreError
from digestbot.models import LIKE
from digestbot.store import Store
from digestbot.store.merging import POINTING
from tests.factories import NOW, described, load, new_store, paper
from tests.store.contract.digests import DigestsContract
from tests.store.contract.enrolling import EnrollingContract
from tests.store.contract.identity import IdentityContract
from tests.store.contract.loads import LoadsContract
from tests.store.contract.merging import MergingContract
from tests.store.contract.outbox import OutboxContract
from tests.store.contract.papers import PapersContract
from tests.store.contract.rates import RatesContract
from tests.store.contract.ratings import RatingsContract
from tests.store.contract.subscribers import SubscribersContract
from tests.store.scenes import join, post


@pytest.fixture
def another(store: Store) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(new_store(store.database.path))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


class TestPapers(PapersContract):
    """``store`` is a file in a temporary folder, and ``another`` opens it again; so in all that follow."""


class TestMerging(MergingContract):
    pass


class TestIdentity(IdentityContract):
    pass


class TestSubscribers(SubscribersContract):
    pass


class TestEnrolling(EnrollingContract):
    pass


class TestRatings(RatingsContract):
    pass


class TestRates(RatesContract):
    pass


class TestDigests(DigestsContract):
    pass


class TestOutbox(OutboxContract):
    pass


class TestLoads(LoadsContract):
    pass


def values(store: Store, sql: str) -> list[Any]:
    return [row[0] for row in store.database.rows(sql)]


def test_every_threads_connection_keeps_the_rules(store: Store) -> None:
    found: list[tuple[Any, ...]] = []

    def look() -> None:
        connection = store.database.connection
        names = ("journal_mode", "foreign_keys", "busy_timeout")
        found.append((id(connection), *(connection.execute(f"pragma {name}").fetchone()[0] for name in names)))

    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found[0][0] != found[1][0]
    assert [one[1:] for one in found] == [("wal", 1, 30_000)] * 2


@pytest.mark.parametrize(
    "sql",
    [
        "update papers set upvotes = 'many'",
        "update papers set title = ''",
        "update subscribers set papers = 51",
        "update subscribers set state = 'away'",
        "insert into ratings values (99, 'arxiv:2505.00001', 1, '')",
        "insert into ratings select id, 'arxiv:0000.00000', 1, '' from subscribers",
        "insert into ratings select id, 'arxiv:2505.00001', 2, '' from subscribers",
        "update deliveries set state = 'lost'",
        "update deliveries set subscriber_id = null",
        "insert into paper_aliases values ('x:1', 'arxiv:0000.00000')",
        "delete from papers",
    ],
)
def test_the_tables_refuse_what_must_not_be(store: Store, sql: str) -> None:
    post(store, join(store), [paper()])
    with pytest.raises(sqlite3.IntegrityError), store.database.write() as connection:
        connection.execute(sql)


def test_all_tables_of_ours_are_strict(store: Store) -> None:
    loose = values(
        store,
        "select name from pragma_table_list where schema = 'main' and type = 'table' and not strict"
        " and name not like '%sqlite_%'",
    )
    assert loose == []


def test_a_subscriber_who_is_deleted_takes_everything_personal_along(store: Store) -> None:
    reader = join(store)
    post(store, reader, [paper()])
    store.ratings.record(reader.id, {paper().id: LIKE}, now=NOW, origin="cli")
    with store.database.write() as connection:
        connection.execute("delete from subscribers where id = ?", (reader.id,))
    for table in ("ratings", "rating_events", "digests", "digest_items", "deliveries"):
        assert values(store, f"select count(*) from {table}") == [0], table


def test_rating_events_tell_each_change_once(store: Store) -> None:
    store.papers.add([paper()], NOW)
    reader = join(store)
    values_in_turn: list[Any] = [LIKE, LIKE, 0, 0, LIKE, -1]
    for value in values_in_turn:
        store.ratings.record(reader.id, {paper().id: value}, now=NOW, origin="cli")
    assert values(store, "select value from rating_events order by id") == [1, 0, 1, -1]


def test_loads_are_recorded(store: Store) -> None:
    store.loads.record(load("arxiv", asked="2025-05-27", received=3, skipped=4, error="half of it", cursor="next"))
    [row] = store.database.rows("select * from loads")
    names = ("source", "asked", "received", "new", "updated", "skipped", "error", "cursor", "newest")
    assert [row[name] for name in names] == [
        "arxiv",
        "2025-05-27",
        3,
        2,
        1,
        4,
        "half of it",
        "next",
        "2025-05-27",
    ]


def test_a_merge_that_fails_in_the_middle_leaves_everything_as_it_was(store: Store) -> None:
    work = described()
    reader = join(store)
    made, _ = post(store, reader, [work["doi"], work["feed"]])
    store.ratings.record(reader.id, {work["doi"].id: LIKE, work["feed"].id: LIKE}, now=NOW, origin="cli")
    with store.database.write() as connection:
        connection.execute(
            "create trigger in_the_middle before delete on papers begin select raise(abort, 'not this one'); end"
        )
    before = list(store.database.connection.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match="not this one"):
        store.papers.add([paper(7), work["arxiv"]], NOW)
    assert list(store.database.connection.iterdump()) == before
    assert store.digests.find(made.id) == made


def test_all_that_points_at_a_paper_goes_along_with_it(store: Store) -> None:
    pointing = values(
        store,
        "select tables.name from pragma_table_list as tables, pragma_foreign_key_list(tables.name) as keys"
        " where tables.schema = 'main' and keys.\"table\" = 'papers' order by tables.name",
    )
    assert pointing == sorted(POINTING)


def test_no_reference_is_broken_after_papers_became_one(store: Store) -> None:
    work, reader = described(), join(store)
    post(store, reader, [work["feed"], work["doi"]])
    store.ratings.record(reader.id, {work["doi"].id: LIKE, work["feed"].id: LIKE}, now=NOW, origin="cli")
    store.papers.add([work["hub"], work["arxiv"]], NOW)
    assert store.database.rows("pragma foreign_key_check") == []
    assert values(store, "select distinct paper_id from rating_events") == [work["arxiv"].id]
    assert values(store, "select count(*) from papers join paper_aliases on alias = papers.id") == [0]


def test_an_error_inside_a_write_leaves_nothing_and_the_connection_usable(store: Store) -> None:
    def break_off() -> None:
        with store.database.write() as connection:
            connection.execute("insert into suppressions values ('x', 'admin', 'y', 'z')")
            connection.execute("insert into nowhere values (1)")

    with pytest.raises(StoreError, match="no such table"):
        break_off()
    assert values(store, "select count(*) from suppressions") == [0]
    assert store.papers.add([paper()], NOW).new == 1


def test_a_database_that_another_program_holds_is_a_clear_error(store: Store) -> None:
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("begin immediate")
    store.database.connection.execute("pragma busy_timeout = 20")
    with pytest.raises(StoreError, match="another program holds the database"):
        store.papers.add([paper()], NOW)
    other.execute("rollback")
    other.close()
    assert store.papers.add([paper()], NOW).new == 1


def test_a_run_whose_lock_cannot_be_made_is_a_clear_error(store: Store) -> None:
    store.database.path.with_name("digestbot.sqlite.runs").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match=r"digestbot\.sqlite\.runs: cannot be written"):
        store.outbox.open_run("one")
