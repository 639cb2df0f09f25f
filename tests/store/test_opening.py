"""Opening a database: made where there is none, and refused, unharmed, where it is not ours."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from digestbot.errors import ForeignDatabaseError, StoreError
from tests.factories import NOW, new_store, paper


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
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
        )
    finally:
        tmp_path.chmod(0o755)
    assert "digestbot.sqlite: cannot be" in found.stdout, found.stderr
    assert "check" in found.stdout


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
