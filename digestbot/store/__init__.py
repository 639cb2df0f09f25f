"""The store: all SQL of the program, behind eleven small classes over one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from digestbot.store.bounces import Bounces
from digestbot.store.database import Database
from digestbot.store.digests import Digests
from digestbot.store.loads import LoadHistory, Loads
from digestbot.store.outbox import Outbox
from digestbot.store.papers import Added, Papers
from digestbot.store.ratings import Ratings
from digestbot.store.search import Search, Within
from digestbot.store.subscribers import Defaults, Preferences, Subscribers
from digestbot.store.suppressions import Suppressions
from digestbot.store.tally import Tally
from digestbot.store.undone import Undone

__all__ = ["Added", "Defaults", "LoadHistory", "Preferences", "Store", "Within", "open_store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that is kept. Safe to use from any thread; close it in the end."""

    papers: Papers
    subscribers: Subscribers
    ratings: Ratings
    digests: Digests
    outbox: Outbox
    loads: Loads
    search: Search
    suppressions: Suppressions
    bounces: Bounces
    undone: Undone
    tally: Tally
    database: Database

    def close(self) -> None:
        """Close the connections."""
        self.database.close()


def open_store(path: Path, *, defaults: Defaults, new_id: Callable[[], int]) -> Store:
    """Open the database, making or migrating it when needed.

    ``new_id`` gives random ids in ``range(1, 2**63)``. Raises ``ForeignDatabaseError`` for a file
    that is not ours or is newer than this program.
    """
    database = Database(path)
    return Store(
        papers=Papers(database),
        subscribers=Subscribers(database, defaults, new_id),
        ratings=Ratings(database),
        digests=Digests(database),
        outbox=Outbox(database),
        loads=Loads(database),
        search=Search(database),
        suppressions=Suppressions(database),
        bounces=Bounces(database),
        undone=Undone(database),
        tally=Tally(database),
        database=database,
    )
