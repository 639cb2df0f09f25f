"""Subscribers: who they are, what they chose, and whether they are mailed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from digestbot.errors import ConflictError, NotFoundError
from digestbot.models import EVERYONE, Delivery, Subscriber, SubscriberId, SubscriberState, parse_time
from digestbot.store.database import Database, translated
from digestbot.store.digests import insert_deliveries
from digestbot.store.suppressions import Cause, address_hash, is_suppressed, suppress
from digestbot.store.values import instant_text, instant_value, list_text, list_value

_PAGE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a subscriber chose; ``None`` means what was chosen before, at first the installation's default.

    An empty ``language`` goes back to that default.
    """

    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    papers: int | None = None
    categories: tuple[str, ...] | None = None
    follows: tuple[str, ...] | None = None
    mutes: tuple[str, ...] | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for those who chose nothing."""

    timezone: str = "UTC"
    send_at: str = "07:00"
    days: str = "daily"
    papers: int = 10
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A subscriber as a subscribers file has them: without an id, and nothing filled in where nothing was chosen."""

    email: str
    state: SubscriberState
    preferences: Preferences


class Standing(StrEnum):
    """What becomes of an enrolment."""

    ADDED = "added"
    THERE = "already there"
    SUPPRESSED = "suppressed"


class Subscribers:
    """Subscribers by id and by address, in whatever case the address is written."""

    def __init__(self, database: Database, defaults: Defaults, new_id: Callable[[], SubscriberId]) -> None:
        self._database = database
        self._defaults = defaults
        self._new_id = new_id

    def add(self, email: str, state: SubscriberState, preferences: Preferences, now: datetime) -> Subscriber:
        """Add a subscriber, or take one back who had left or never confirmed, with the history.

        Raises ``ConflictError`` when the address is there, or must not be mailed.
        """
        with self._database.write("full") as connection:
            if is_suppressed(connection, email):
                raise ConflictError(f"{email}: this address is suppressed; 'digestbot suppression list' says why")
            known = connection.execute("select * from subscribers where lower(email) = lower(?)", (email,)).fetchone()
            if known is None:
                identifier = self._new_id()
                connection.execute(
                    "insert into subscribers (id, email, state, categories, created_at, changed_at)"
                    " values (?, ?, ?, '[]', ?, ?)",
                    (identifier, email, state, instant_text(now), instant_text(now)),
                )
            elif known["state"] in (SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING):
                identifier = known["id"]
                connection.execute(
                    "update subscribers set state = ?, was_paused = 0, changed_at = ? where id = ?",
                    (state, instant_text(now), identifier),
                )
            else:
                raise ConflictError(f"{email}: is a subscriber already ({known['state']})")
            _choose(connection, identifier, preferences, now)
        return self.get(identifier)

    def standings(self, enrolments: Sequence[Enrolment]) -> list[Standing]:
        """Return what would become of each of these if they were enrolled now."""
        with translated(self._database.path):
            return _standings(self._database.connection, enrolments)

    def enrol(
        self, enrolments: Sequence[Enrolment], now: datetime, *, confirm: Callable[[Subscriber], Delivery]
    ) -> list[Standing]:
        """Add those who are new, in one transaction; return what became of each.

        Who is there stays as they are, and nobody is added whose address must not be mailed. The pending are sent what
        ``confirm`` makes; the address of one who has bounced must not be mailed from now on.
        """
        with self._database.write("full") as connection:
            standings = _standings(connection, enrolments)
            placed = zip(enrolments, standings, strict=True)
            rows = [_row(self._new_id(), one, now) for one, standing in placed if standing == Standing.ADDED]
            connection.executemany(
                "insert into subscribers (id, email, state, timezone, send_at, days, papers, categories, follows,"
                " mutes, language, created_at, changed_at) values (:id, :email, :state, :timezone, :send_at, :days,"
                " :papers, :categories, :follows, :mutes, :language, :created_at, :created_at)",
                rows,
            )
            asked = (row for row in rows if row["state"] == SubscriberState.PENDING)
            insert_deliveries(connection, [confirm(self._value(row)) for row in asked])
            for row in rows:
                if row["state"] == SubscriberState.BOUNCED:
                    suppress(connection, row["email"], "imported as bounced", now, cause=Cause.IMPORT)
        return standings

    def enrolments(self) -> Iterator[Enrolment]:
        """Yield every subscriber as ``enrol`` takes them, by address."""
        after = ""
        while True:
            rows = self._database.rows(
                "select *, lower(email) as address from subscribers where lower(email) > ?"
                " order by lower(email) limit ?",
                (after, _PAGE),
            )
            yield from map(_enrolment, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1]["address"]

    def set_preferences(
        self,
        identifier: SubscriberId,
        *,
        timezone: str,
        send_at: str,
        days: str,
        papers: int,
        now: datetime,
        paused: bool = False,
        language: str | None = None,
    ) -> None:
        """Change all that a subscriber can choose on the preferences page; only the active can pause, and go on."""
        chosen = Preferences(timezone=timezone, send_at=send_at, days=days, papers=papers, language=language)
        with self._database.write("full") as connection:
            _choose(connection, identifier, chosen, now)
            connection.execute(
                "update subscribers set state = ? where id = ? and state in ('active', 'paused')",
                ("paused" if paused else "active", identifier),
            )

    def edit(self, identifier: SubscriberId, change: Callable[[Subscriber], Preferences], now: datetime) -> Subscriber:
        """Change what a subscriber chose, by what holds at that moment; when ``change`` raises, nothing changes."""
        with self._database.write("full") as connection:
            row = connection.execute("select * from subscribers where id = ?", (identifier,)).fetchone()
            if row is None:
                raise NotFoundError("there is no such subscriber")
            _choose(connection, identifier, change(self._value(row)), now)
        return self.get(identifier)

    def set_state(
        self,
        identifier: SubscriberId,
        state: SubscriberState,
        now: datetime,
        *,
        among: Collection[SubscriberState] = tuple(SubscriberState),
        mail: Delivery | None = None,
    ) -> bool:
        """Put a subscriber who is in one of the states ``among`` into another; say whether that changed anything.

        If so, the ``mail`` that tells of it goes into the outbox in the same transaction. Nobody whose address must not
        be mailed becomes active.
        """
        with self._database.write("full") as connection:
            known = connection.execute("select * from subscribers where id = ?", (identifier,)).fetchone()
            if known is None or known["state"] == state or known["state"] not in among:
                return False
            if state == SubscriberState.ACTIVE and is_suppressed(connection, known["email"]):
                return False
            was_paused = state == SubscriberState.UNSUBSCRIBED and known["state"] == SubscriberState.PAUSED
            connection.execute(
                "update subscribers set state = ?, was_paused = ?, changed_at = ? where id = ?",
                (state, was_paused, instant_text(now), identifier),
            )
            if mail is not None:
                insert_deliveries(connection, [mail])
            return True

    def come_back(self, identifier: SubscriberId, now: datetime) -> SubscriberState | None:
        """Take back who has left, paused if they were so before; return which state, ``None`` for anybody else.

        Nobody comes back whose address must not be mailed.
        """
        with self._database.write("full") as connection:
            known = connection.execute(
                "select * from subscribers where id = ? and state = 'unsubscribed'", (identifier,)
            ).fetchone()
            if known is None or is_suppressed(connection, known["email"]):
                return None
            state = SubscriberState.PAUSED if known["was_paused"] else SubscriberState.ACTIVE
            connection.execute(
                "update subscribers set state = ?, was_paused = 0, changed_at = ? where id = ?",
                (state, instant_text(now), identifier),
            )
            return state

    def find(self, identifier: SubscriberId) -> Subscriber | None:
        """Return a subscriber, ``None`` when there is none (any more)."""
        row = self._database.row("select * from subscribers where id = ?", (identifier,))
        return self._value(row) if row else None

    def get(self, identifier: SubscriberId) -> Subscriber:
        """Return a subscriber that must be there."""
        found = self.find(identifier)
        if found is None:
            raise NotFoundError("there is no such subscriber")
        return found

    def by_email(self, email: str) -> Subscriber:
        """Return the subscriber with this address."""
        row = self._database.row("select * from subscribers where lower(email) = lower(?)", (email,))
        if row is None:
            raise NotFoundError(f"{email}: is not a subscriber; see 'digestbot subscriber list'")
        return self._value(row)

    def all(self) -> list[Subscriber]:
        """Return every subscriber, by address."""
        rows = self._database.rows("select * from subscribers order by lower(email), id")
        return [self._value(row) for row in rows]

    def active_with_last_day(self, *, among: range = EVERYONE) -> Iterator[tuple[Subscriber, date | None]]:
        """Yield every active subscriber with an id in ``among``, by id, with the local day of the newest digest."""
        after = among.start - 1
        while True:
            rows = self._database.rows(
                "select *, (select max(local_day) from digests where subscriber_id = subscribers.id) as last_day"
                " from subscribers where state = 'active' and id > ? and id <= ? order by id limit ?",
                (after, among.stop - 1, _PAGE),
            )
            for row in rows:
                yield self._value(row), date.fromisoformat(row["last_day"]) if row["last_day"] else None
            if len(rows) < _PAGE:
                return
            after = rows[-1]["id"]

    def _value(self, row: sqlite3.Row | Mapping[str, Any]) -> Subscriber:
        defaults = self._defaults
        return Subscriber(
            id=row["id"],
            email=row["email"],
            state=SubscriberState(row["state"]),
            timezone=row["timezone"] or defaults.timezone,
            send_at=parse_time(row["send_at"] or defaults.send_at),
            days=row["days"] or defaults.days,
            papers=row["papers"] or defaults.papers,
            categories=list_value(row["categories"]),
            follows=list_value(row["follows"]),
            mutes=list_value(row["mutes"]),
            language=row["language"] or defaults.language,
            created_at=instant_value(row["created_at"]),
        )


def _standings(connection: sqlite3.Connection, enrolments: Sequence[Enrolment]) -> list[Standing]:
    hashes = {address_hash(one.email): one.email for one in enrolments}
    there = connection.execute(
        "select value from json_each(?) where exists (select 1 from subscribers where lower(email) = lower(value))",
        (json.dumps([one.email for one in enrolments]),),
    )
    refused = connection.execute(
        "select value from json_each(?) where exists (select 1 from suppressions where address_hash = value)",
        (json.dumps(list(hashes)),),
    )
    known = {email.lower() for (email,) in there}
    suppressed = {hashes[hashed].lower() for (hashed,) in refused}
    standings = []
    for address in (one.email.lower() for one in enrolments):
        standing = (
            Standing.THERE if address in known else Standing.SUPPRESSED if address in suppressed else Standing.ADDED
        )
        if standing == Standing.ADDED:
            # Whoever comes again in these is there by then.
            known.add(address)
        standings.append(standing)
    return standings


def _row(identifier: SubscriberId, enrolment: Enrolment, now: datetime) -> dict[str, Any]:
    chosen = enrolment.preferences
    return {
        "id": identifier,
        "email": enrolment.email,
        "state": enrolment.state,
        "timezone": chosen.timezone,
        "send_at": chosen.send_at,
        "days": chosen.days,
        "papers": chosen.papers,
        "categories": list_text(chosen.categories or ()),
        "follows": list_text(chosen.follows or ()),
        "mutes": list_text(chosen.mutes or ()),
        "language": chosen.language or "",
        "created_at": instant_text(now),
    }


def _enrolment(row: sqlite3.Row) -> Enrolment:
    return Enrolment(
        email=row["email"],
        state=SubscriberState(row["state"]),
        preferences=Preferences(
            timezone=row["timezone"],
            send_at=row["send_at"],
            days=row["days"],
            papers=row["papers"],
            categories=list_value(row["categories"]) or None,
            follows=list_value(row["follows"]) or None,
            mutes=list_value(row["mutes"]) or None,
            language=row["language"] or None,
        ),
    )


def _choose(connection: sqlite3.Connection, identifier: SubscriberId, preferences: Preferences, now: datetime) -> None:
    connection.execute(
        "update subscribers set timezone = coalesce(:timezone, timezone), send_at = coalesce(:send_at, send_at),"
        " days = coalesce(:days, days), papers = coalesce(:papers, papers),"
        " categories = coalesce(:categories, categories), follows = coalesce(:follows, follows),"
        " mutes = coalesce(:mutes, mutes), language = coalesce(:language, language), changed_at = :now where id = :id",
        {
            "timezone": preferences.timezone,
            "send_at": preferences.send_at,
            "days": preferences.days,
            "papers": preferences.papers,
            "language": preferences.language,
            **{
                name: None if chosen is None else list_text(chosen)
                for name, chosen in (
                    ("categories", preferences.categories),
                    ("follows", preferences.follows),
                    ("mutes", preferences.mutes),
                )
            },
            "now": instant_text(now),
            "id": identifier,
        },
    )
