"""One SQLite file and its connections: one a thread, with the rules of the house on each.

WAL, foreign keys, a busy timeout; write transactions begin with ``BEGIN IMMEDIATE``, since a
read that turns into a write fails as locked under WAL when another writer came between.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlite_utils import Database as SqliteDatabase

from digestbot.errors import ForeignDatabaseError, FullDiskError, LockedStoreError, StoreError
from digestbot.store.schema import APPLICATION_ID, migrations

_BUSY_SECONDS = 30.0
_SWITCH_SECONDS = 0.02
_CACHE_KILOBYTES = 65_536


class Database:
    """The file, opened on first use by each thread. Close it in the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[tuple[threading.Thread, sqlite3.Connection]] = []
        with translated(path):
            self._prepare()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._connect()
            self._local.connection = found
            with self._lock:
                self._close_of_ended_threads()
                self._all.append((threading.current_thread(), found))
        return found

    def _close_of_ended_threads(self) -> None:
        for thread, connection in self._all:
            if not thread.is_alive():
                connection.close()
        self._all = [(thread, connection) for thread, connection in self._all if thread.is_alive()]

    def rows(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        """Return all rows of one select."""
        with translated(self.path):
            return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Any = ()) -> sqlite3.Row | None:
        """Return the first row of one select, ``None`` when there is none."""
        with translated(self.path):
            found: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
            return found

    @contextmanager
    def write(self, synchronous: Literal["normal", "full"] = "normal") -> Iterator[sqlite3.Connection]:
        """Run the block in one write transaction; with ``full`` it is on the disk when the block ends."""
        with translated(self.path):
            connection = self.connection
            connection.execute(f"pragma synchronous = {synchronous}")
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                # SQLite has rolled back by itself after a full disk.
                if connection.in_transaction:
                    connection.execute("rollback")
                raise

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with the file, ``["ok"]`` when that is nothing."""
        return [str(row[0]) for row in self.rows("pragma quick_check")]

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for _, connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma synchronous = normal")
        # Digests have random ids: with the default of 2 MB the pages they fall on are read again and again.
        connection.execute(f"pragma cache_size = -{_CACHE_KILOBYTES}")
        return connection

    def _prepare(self) -> None:
        """Make the database, or bring it up to date, or refuse what is not ours."""
        if not self.path.parent.is_dir():
            raise StoreError(f"{self.path}: there is no folder {self.path.parent}; make it, or set 'database'")
        connection = self.connection
        # In this order: whoever makes the database at this moment marks it as ours when the first table is in.
        empty = connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0
        ours = connection.execute("pragma application_id").fetchone()[0] == APPLICATION_ID
        if not (ours or empty):
            raise ForeignDatabaseError(
                f"{self.path}: this database belongs to something else; set 'database' to another file"
            )
        database = SqliteDatabase(connection)
        self._refuse_newer(database)
        if ours and not migrations.pending(database):
            return
        if empty:
            # Addresses and what people read are nobody else's business on a shared machine.
            with contextlib.suppress(OSError):
                self.path.chmod(0o600)
            _use_wal(connection)
        # Two programs may find an empty file at the same time: look again inside the lock.
        connection.execute("begin exclusive")
        try:
            connection.execute(f"pragma application_id = {APPLICATION_ID}")
            migrations.apply(database)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def _refuse_newer(self, database: SqliteDatabase) -> None:
        # Every migration is pending in a database that is empty: these are the ones we know.
        nothing = SqliteDatabase(memory=True)
        known = {migration.name for migration in migrations.pending(nothing)}
        nothing.conn.close()
        newer = [applied.name for applied in migrations.applied(database) if applied.name not in known]
        if newer:
            raise ForeignDatabaseError(
                f"{self.path}: this database was made by a newer digestbot (it has {newer[0]}); "
                "install that version, or set 'database' to another file"
            )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Of two that switch at once one fails as locked, whatever the busy timeout: wait here."""
    connection.execute("pragma busy_timeout = 0")
    for left in reversed(range(int(_BUSY_SECONDS / _SWITCH_SECONDS))):
        try:
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                raise
        time.sleep(_SWITCH_SECONDS)
    connection.execute(f"pragma busy_timeout = {int(_BUSY_SECONDS * 1000)}")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, saying what to do."""
    try:
        yield
    except sqlite3.IntegrityError:
        # A broken rule of the schema is a fault of ours, save where a method expects and handles it.
        raise
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "full" in text or "disk I/O error" in text:
            raise FullDiskError(
                f"{path}: the disk is full or cannot be written; nothing of this step was stored; make room and run it"
                f" again (SQLite: {text})"
            ) from error
        if "locked" in text or "busy" in text:
            raise LockedStoreError(
                f"{path}: another program holds the database; try again when it is done (SQLite: {text})"
            ) from error
        if "not a database" in text:
            raise ForeignDatabaseError(
                f"{path}: is not a digestbot database; set 'database' to another file"
            ) from error
        elif "unable to open" in text:
            advice = "cannot be opened; check that the folder exists and can be written"
        elif "readonly" in text:
            advice = "cannot be written; check who owns it"
        else:
            advice = "the database failed"
        raise StoreError(f"{path}: {advice} (SQLite: {text})") from error
