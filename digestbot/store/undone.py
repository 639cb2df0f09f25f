"""What is not done: the mails that wait, and of late those that were held, given up or sent back, with the reasons."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from digestbot.models import DeliveryId, DeliveryKind, DeliveryState
from digestbot.store.database import Database
from digestbot.store.values import instant_text, instant_value

# What waits, however long; of what has ended, what ended of late.
_WAITING = "('pending', 'deferred', 'sending')"
_NOT_DONE = (
    "state in ('pending', 'deferred', 'sending', 'held', 'failed', 'bounced', 'expired')"
    f" and (state in {_WAITING} or changed_at >= :since)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneDelivery:
    """A mail that did not get to where it should, and what the server said, if it said anything.

    ``next_at`` is ``None`` when it is not tried again, ``since`` when it came into the outbox, and ``changed_at`` when
    it came to be as it is; ``uncertain`` when it may have arrived all the same.
    """

    id: DeliveryId
    kind: DeliveryKind
    message_id: str
    address: str
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    since: datetime
    changed_at: datetime
    uncertain: bool
    code: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneGroup:
    """How many mails are in one state for one reason, and since when the oldest of them is in the outbox."""

    state: DeliveryState
    code: int | None
    text: str
    many: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many mails wait, and since when the first of them could have gone out, ``None`` without one.

    It ``moves`` when something went out since then.
    """

    many: int
    due_since: datetime | None
    moves: bool


class Undone:
    """Reads what is left in the outbox, and lets what was held go out after all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(self, since: datetime) -> list[UndoneGroup]:
        """Return all by state and by what the server said, word for word; what has ended, if since then."""
        rows = self._database.rows(
            "select state, smtp_code, smtp_text, count(*) as many, min(created_at) as oldest from deliveries"
            f" where {_NOT_DONE} group by state, smtp_code, smtp_text order by state, smtp_code, smtp_text",
            {"since": instant_text(since)},
        )
        return [
            UndoneGroup(
                state=DeliveryState(row["state"]),
                code=row["smtp_code"],
                text=row["smtp_text"],
                many=row["many"],
                oldest=instant_value(row["oldest"]),
            )
            for row in rows
        ]

    def listed(self, since: datetime, *, limit: int | None = None) -> list[UndoneDelivery]:
        """Return the mails, at most ``limit``: first those that only a person can do something about, the oldest first.

        What nobody wants any more comes last.
        """
        rows = self._database.rows(
            f"select * from deliveries where {_NOT_DONE} order by case state when 'held' then 0 when 'failed' then 1"
            " when 'bounced' then 2 when 'sending' then 3 when 'deferred' then 4 when 'pending' then 5 else 6 end,"
            " created_at, id limit :limit",
            {"since": instant_text(since), "limit": -1 if limit is None else limit},
        )
        return [_value(row) for row in rows]

    def backlog(self, now: datetime) -> Backlog:
        """Return what waits, since when the first of it could have gone out, and whether something has since then."""
        (row,) = self._database.rows(
            # What was put off could have gone out when it came into the outbox.
            "select count(*) as many, min(iif(attempts > 0, created_at, next_at))"
            " filter (where attempts > 0 or next_at <= :now) as due_since from deliveries"
            " where state in ('pending', 'deferred')",
            {"now": instant_text(now)},
        )
        sent = row["due_since"] and self._database.row(
            "select 1 from deliveries where state = 'sent' and sent_at >= ? limit 1", (row["due_since"],)
        )
        return Backlog(
            many=row["many"],
            due_since=instant_value(row["due_since"]) if row["due_since"] else None,
            moves=bool(sent),
        )

    def waits(self, kind: DeliveryKind, prefix: str) -> bool:
        """Return whether a mail of this kind is still to go out whose key begins so."""
        # The key's own index: 'sources:' up to what sorts after everything that begins so.
        found = self._database.row(
            "select 1 from deliveries where kind = :kind and key >= :prefix and key < :prefix || char(1114111)"
            f" and state in {_WAITING}",
            {"kind": kind, "prefix": prefix},
        )
        return found is not None

    def retry_held(
        self, now: datetime, *, identifiers: Collection[DeliveryId] | None = None, since: datetime | None = None
    ) -> list[DeliveryId]:
        """Let held mails wait again, under the Message-ID they have; return which they are.

        All of them, or those with these ids, or those that were held since then.
        """
        with self._database.write("full") as connection:
            rows = connection.execute(
                "update deliveries set state = 'pending', next_at = :now, changed_at = :now where state = 'held'"
                " and (:ids is null or id in (select value from json_each(:ids)))"
                " and (:since is null or changed_at >= :since) returning id",
                {
                    "now": instant_text(now),
                    "ids": None if identifiers is None else json.dumps(list(identifiers)),
                    "since": instant_text(since) if since else None,
                },
            ).fetchall()
        return sorted(row["id"] for row in rows)


def _value(row: sqlite3.Row) -> UndoneDelivery:
    state = DeliveryState(row["state"])
    tried_again = state in (DeliveryState.PENDING, DeliveryState.DEFERRED)
    return UndoneDelivery(
        id=row["id"],
        kind=DeliveryKind(row["kind"]),
        message_id=row["message_id"],
        address=row["address"],
        state=state,
        attempts=row["attempts"],
        next_at=instant_value(row["next_at"]) if tried_again else None,
        since=instant_value(row["created_at"]),
        changed_at=instant_value(row["changed_at"]),
        uncertain=bool(row["uncertain"]),
        code=row["smtp_code"],
        text=row["smtp_text"],
    )
