"""Ratings: what holds now, and every event that led there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from digestbot.errors import NotFoundError
from digestbot.models import DigestId, PaperId, Rating, RatingValue, SubscriberId
from digestbot.store.database import Database
from digestbot.store.merging import own_id
from digestbot.store.values import instant_text, instant_value

_MANY = 500


class Ratings:
    """The latest rating of a paper wins; 0 clears it; events are only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        subscriber_id: SubscriberId,
        values: Mapping[PaperId, RatingValue | Literal[0]],
        *,
        now: datetime,
        origin: Literal["cli", "mail"],
        digest_id: DigestId | None = None,
    ) -> dict[PaperId, int]:
        """Record what changes and return, for each paper that changed, the value it had (0: none).

        Recording the same again changes nothing, not even an event. Papers may be named by ids they had before;
        the answer names them by those they have now.
        """
        before: dict[PaperId, int] = {}
        with self._database.write("full") as connection:
            for paper_id, value in _by_own_id(connection, values).items():
                known = connection.execute(
                    "select value from ratings where subscriber_id = ? and paper_id = ?", (subscriber_id, paper_id)
                ).fetchone()
                old = int(known["value"]) if known else 0
                if old == value:
                    continue
                before[paper_id] = old
                connection.execute(
                    "insert into rating_events (subscriber_id, paper_id, value, rated_at, origin, digest_id)"
                    " values (?, ?, ?, ?, ?, ?)",
                    (subscriber_id, paper_id, value, instant_text(now), origin, digest_id),
                )
                if value == 0:
                    connection.execute(
                        "delete from ratings where subscriber_id = ? and paper_id = ?", (subscriber_id, paper_id)
                    )
                else:
                    connection.execute(
                        "insert into ratings (subscriber_id, paper_id, value, rated_at) values (?, ?, ?, ?)"
                        " on conflict (subscriber_id, paper_id)"
                        " do update set value = excluded.value, rated_at = excluded.rated_at",
                        (subscriber_id, paper_id, value, instant_text(now)),
                    )
        return before

    def of(self, subscribers: Sequence[SubscriberId]) -> dict[SubscriberId, list[Rating]]:
        """Return the ratings of each subscriber, by paper id; all of them, whenever given."""
        found: dict[SubscriberId, list[Rating]] = {identifier: [] for identifier in subscribers}
        for start in range(0, len(subscribers), _MANY):
            some = subscribers[start : start + _MANY]
            marks = ",".join("?" * len(some))
            for row in self._database.rows(
                f"select * from ratings where subscriber_id in ({marks}) order by subscriber_id, paper_id", some
            ):
                found[row["subscriber_id"]].append(
                    Rating(
                        subscriber_id=row["subscriber_id"],
                        paper_id=row["paper_id"],
                        value=row["value"],
                        rated_at=instant_value(row["rated_at"]),
                    )
                )
        return found


def _by_own_id(
    connection: sqlite3.Connection, values: Mapping[PaperId, RatingValue | Literal[0]]
) -> dict[PaperId, RatingValue | Literal[0]]:
    found: dict[PaperId, RatingValue | Literal[0]] = {}
    for asked, value in values.items():
        paper_id = own_id(connection, asked)
        if paper_id is None:
            raise NotFoundError(f"{asked}: there is no such paper here; load it first")
        found[paper_id] = value
    return found
