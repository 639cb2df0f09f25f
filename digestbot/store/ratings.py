"""Ratings: what holds now, and every event that led there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from digestbot.errors import NotFoundError
from digestbot.models import DigestId, PaperId, Rating, RatingValue, SubscriberId
from digestbot.store import scanners
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

        Where the links of the mail of ``digest_id`` turn out to be pressed by a scanner, the events of its burst stay
        but are left out, the ratings become again what they were without it, and nothing has changed: ``{}``.
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
                _set(connection, subscriber_id, paper_id, value, instant_text(now))
            pressed = scanners.leave_out(connection, digest_id) if digest_id is not None and before else []
            for paper_id in pressed:
                _put_back(connection, subscriber_id, paper_id)
        return {} if pressed else before

    def given(self, subscribers: Sequence[SubscriberId]) -> dict[SubscriberId, list[tuple[PaperId, RatingValue, date]]]:
        """Return what each subscriber rated, how, and on which day (UTC), by paper id: what profiles are trained on."""
        found: dict[SubscriberId, list[tuple[PaperId, RatingValue, date]]] = {one: [] for one in subscribers}
        for start in range(0, len(subscribers), _MANY):
            # A list a subscriber: a row a rating takes half as long again.
            rows = self._database.rows(
                "select asked.value, (select json_group_array(json_array(paper_id, value, substr(rated_at, 1, 10)))"
                " from ratings where subscriber_id = asked.value) from json_each(:ids) as asked",
                {"ids": json.dumps(subscribers[start : start + _MANY])},
            )
            for subscriber, ratings in rows:
                found[subscriber] = sorted([(paper, value, _day(day)) for paper, value, day in json.loads(ratings)])
        return found

    def totals(self, papers: Sequence[PaperId]) -> list[tuple[PaperId, date, int]]:
        """Return the likes less the dislikes that these papers got, by paper and day (UTC)."""
        rows = self._database.rows(
            "select paper_id, substr(rated_at, 1, 10) as day, sum(ratings.value) as total from json_each(:ids) as asked"
            " join ratings on paper_id = asked.value group by paper_id, day order by paper_id, day",
            {"ids": json.dumps(papers)},
        )
        return [(row["paper_id"], _day(row["day"]), row["total"]) for row in rows]

    def counts(self, papers: Sequence[PaperId]) -> dict[PaperId, int]:
        """Return how many subscribers rate each of these papers, of those that any does."""
        rows = self._database.rows(
            "select paper_id, count(*) from json_each(:ids) as asked join ratings on paper_id = asked.value"
            " group by paper_id",
            {"ids": json.dumps(papers)},
        )
        return {row[0]: row[1] for row in rows}

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


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def _set(
    connection: sqlite3.Connection, subscriber_id: SubscriberId, paper_id: PaperId, value: int, rated_at: str
) -> None:
    if value == 0:
        connection.execute("delete from ratings where subscriber_id = ? and paper_id = ?", (subscriber_id, paper_id))
        return
    connection.execute(
        "insert into ratings (subscriber_id, paper_id, value, rated_at) values (?, ?, ?, ?)"
        " on conflict (subscriber_id, paper_id) do update set value = excluded.value, rated_at = excluded.rated_at",
        (subscriber_id, paper_id, value, rated_at),
    )


def _put_back(connection: sqlite3.Connection, subscriber_id: SubscriberId, paper_id: PaperId) -> None:
    """Make the rating what the events that count say: the one recorded last, wherever it came from."""
    last = connection.execute(
        "select value, rated_at from rating_events where subscriber_id = ? and paper_id = ? and not left_out"
        " order by id desc limit 1",
        (subscriber_id, paper_id),
    ).fetchone()
    value, rated_at = (last["value"], last["rated_at"]) if last else (0, "")
    _set(connection, subscriber_id, paper_id, value, rated_at)


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
