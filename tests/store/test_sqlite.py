"""The SQLite store: the contract, and what is SQLite's own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from digestbot.errors import ForeignDatabaseError, StoreError
from digestbot.models import LIKE, DeliveryState
from digestbot.store import Store
from tests.factories import NOW, new_store, paper
from tests.store import workers
from tests.store.contract import StoreContract, join, post

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 30.0


@pytest.fixture
def another(store: Store) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(new_store(store.database.path))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


class TestSqlite(StoreContract):
    """``store`` and ``another`` are files in a temporary folder."""


def answers(target: Callable[..., None], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Return what each of several processes, started together, sends back."""
    start = SPAWN.Barrier(len(arguments))
    running = []
    for own in arguments:
        mine, theirs = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=target, args=(*own, start, theirs))
        process.start()
        theirs.close()
        running.append((process, mine))
    return [_answer(process, mine) for process, mine in running]


def _answer(process: Any, mine: Connection) -> Any:
    try:
        assert mine.poll(PATIENCE), "the process did not answer"
        return mine.recv()
    finally:
        mine.close()
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def values(store: Store, sql: str) -> list[Any]:
    return [row[0] for row in store.database.rows(sql)]


# opening


def test_a_file_that_is_not_sqlite_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"Shopping list: milk, and more milk. " * 50)
    before = path.read_bytes()
    with pytest.raises(ForeignDatabaseError, match=r"notes\.txt: is not a digestbot database; set 'database'"):
        new_store(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("create table papers (id text)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(ForeignDatabaseError, match=r"other\.sqlite: this database belongs to something else"):
        new_store(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_digestbot_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.sqlite"
    new_store(path).close()
    newer = sqlite3.connect(path)
    newer.execute(
        "insert into _sqlite_migrations (migration_set, name, applied_at) values ('digestbot', 'm999_more', '2030')"
    )
    newer.commit()
    newer.close()
    with pytest.raises(ForeignDatabaseError, match=r"newer digestbot \(it has m999_more\); install that version"):
        new_store(path)


def test_migrations_of_another_library_in_the_same_file_are_none_of_our_business(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.sqlite"
    new_store(path).close()
    other = sqlite3.connect(path)
    other.execute(
        "insert into _sqlite_migrations (migration_set, name, applied_at) values ('dashboard', 'm002', '2025')"
    )
    other.commit()
    other.close()
    new_store(path).close()


def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*absent; make it, or set 'database'"):
        new_store(tmp_path / "absent" / "digestbot.sqlite")
    assert not (tmp_path / "absent").exists()


def test_a_folder_in_place_of_the_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "digestbot.sqlite").mkdir()
    with pytest.raises(StoreError, match=r"digestbot\.sqlite: cannot be opened"):
        new_store(tmp_path / "digestbot.sqlite")


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "digestbot.sqlite").touch()
    store = new_store(tmp_path / "digestbot.sqlite")
    assert store.papers.count() == 0
    store.close()


def test_a_database_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.sqlite"
    new_store(path).close()
    # Root may write everything: let a process without that right try, in a folder it can reach.
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from digestbot.errors import StoreError\n"
        "from tests.factories import NOW, new_store, paper\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0:\n    os.setgid(65534); os.setuid(65534)\n"
        "try:\n    store = new_store(Path('digestbot.sqlite')); store.papers.add([paper()], NOW)\n"
        "except StoreError as error:\n    print(error)\n"
    )
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        found = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    finally:
        tmp_path.chmod(0o755)
    assert "digestbot.sqlite: cannot be" in found.stdout, found.stderr
    assert "check" in found.stdout


def test_processes_that_make_the_same_database_at_once_all_get_it(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sqlite" for number in range(8)]
    assert answers(workers.open_many, [(paths,)] * 3) == [[], [], []]
    store = new_store(paths[0])
    assert values(store, "select count(*) from _sqlite_migrations where migration_set = 'digestbot'") == [1]
    store.close()


def test_a_database_that_another_program_begins_at_this_moment_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "digestbot.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    release = threading.Timer(0.2, other.rollback)
    release.start()
    store = new_store(tmp_path / "digestbot.sqlite")
    assert store.papers.add([paper()], NOW).new == 1
    store.close()
    release.join()
    other.close()


# the rules of the house


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
        "delete from papers",
    ],
)
def test_the_tables_refuse_what_must_not_be(store: Store, sql: str) -> None:
    post(store, join(store), [paper()])
    with pytest.raises(sqlite3.IntegrityError), store.database.write() as connection:
        connection.execute(sql)


def test_all_tables_of_ours_are_strict(store: Store) -> None:
    loose = values(
        store, "select name from pragma_table_list where schema = 'main' and not strict and name not like '%sqlite_%'"
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
    store.papers.record_load(
        "arxiv", started_at=NOW, finished_at=NOW, received=3, new=2, updated=1, skipped=4, error="half of it"
    )
    [row] = store.database.rows("select * from loads")
    assert [row[name] for name in ("source", "received", "new", "updated", "skipped", "error")] == [
        "arxiv",
        3,
        2,
        1,
        4,
        "half of it",
    ]


def test_an_error_inside_a_write_leaves_nothing_and_the_connection_usable(store: Store) -> None:
    def break_off() -> None:
        with store.database.write() as connection:
            connection.execute("insert into suppressions values ('x', 'y', 'z')")
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


# several processes


def test_processes_that_claim_at_once_never_get_the_same_mail(store: Store) -> None:
    made = [post(store, join(store), [paper()])[1].id for _ in range(60)]
    path = store.database.path
    shares = answers(workers.drain, [(path, f"run{number}") for number in range(3)])
    assert [share for share in shares if isinstance(share, str)] == []
    assert sorted(one for share in shares for one in share) == sorted(made)
    assert store.outbox.counts() == {DeliveryState.SENT: 60}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize(("policy", "state"), [("resend", DeliveryState.PENDING), ("hold", DeliveryState.HELD)])
def test_the_next_run_recovers_what_a_killed_one_had_in_hand(store: Store, policy: Any, state: DeliveryState) -> None:
    made = {one.id: one.message_id for one in (post(store, join(store), [paper()])[1] for _ in range(3))}
    mine, theirs = SPAWN.Pipe(duplex=False)
    victim = SPAWN.Process(target=workers.claim_and_hang, args=(store.database.path, theirs))
    victim.start()
    theirs.close()
    try:
        assert mine.poll(PATIENCE)
        claimed = mine.recv()
        store.outbox.open_run("next")
        assert store.outbox.recover(NOW, policy) == []
        assert store.outbox.counts() == {DeliveryState.PENDING: 1, DeliveryState.SENDING: 2}
    finally:
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        victim.join(PATIENCE)
        mine.close()
    assert victim.exitcode == -signal.SIGKILL
    victim.close()
    recovered = store.outbox.recover(NOW, policy)
    assert {one.id: one.message_id for one in recovered} == {number: made[number] for number in claimed}
    assert {one.state for one in recovered} == {state}
    waiting = [one.id for one in store.outbox.claim(9, NOW)]
    assert waiting == sorted(made) if policy == "resend" else waiting == sorted(set(made) - set(claimed))
    store.outbox.close_run()
    assert list((store.database.path.parent / "digestbot.sqlite.runs").iterdir()) == []
