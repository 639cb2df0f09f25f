"""The outbox: claim, send, mark.

A delivery is ``sending``, on the disk, before the first byte leaves, and ``sent`` after the final
reply. Who claims writes its run's name into the row and holds an OS lock of that name, which dies
with the process; a row in ``sending`` whose lock is free is uncertain.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from digestbot.errors import StoreError
from digestbot.models import (
    EVERYTHING,
    Claim,
    Delivery,
    DeliveryId,
    DeliveryKind,
    DeliveryState,
    Mark,
    RateLimits,
    Settled,
    Share,
    SubscriberId,
)
from digestbot.store.database import Database
from digestbot.store.digests import insert_deliveries
from digestbot.store.rates import Buckets, slow_down
from digestbot.store.values import instant_text, instant_value

# Digests are for the active, the mail that asks is for those who have not answered, and the last one for those who
# left. What goes to no subscriber, an alert to the admin, is never unwanted.
_UNWANTED = (
    "exists (select 1 from subscribers where subscribers.id = deliveries.subscriber_id"
    " and subscribers.state <> case deliveries.kind"
    " when 'confirm' then 'pending' when 'goodbye' then 'unsubscribed' else 'active' end)"
)

# What goes out first: whether it could not be written, whether it is a digest, whether it was put off.
_ORDER = ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What did not go out: how many mails are held and failed, and since when the oldest one waits."""

    held: int
    failed: int
    oldest: datetime | None


class Outbox:
    """The deliveries, for one run at a time: ``open_run`` first, ``close_run`` in the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock: FileLock | None = None
        self._run = ""
        self._limits = RateLimits()

    def open_run(self, run: str, limits: RateLimits | None = None) -> None:
        """Hold the lock of this run, which keeps to these limits; ``run`` is a random name."""
        folder = _lock_folder(self._database.path)
        try:
            folder.mkdir(exist_ok=True)
            lock = FileLock(folder / f"{run}.lock")
            lock.acquire()
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}; make room, or see who owns it") from error
        self._lock, self._run, self._limits = lock, run, limits or RateLimits()

    def close_run(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock, self._run = None, ""

    def add(self, *deliveries: Delivery) -> None:
        """Put mails into the outbox; one with the same kind and key stays as it is."""
        if deliveries:
            with self._database.write("full") as connection:
                insert_deliveries(connection, deliveries)

    def recover(self, now: datetime, policy: Literal["resend", "hold"]) -> list[Delivery]:
        """Take up what a dead run left in ``sending``: to go out again as it was, or to be held."""
        rows = self._database.rows("select distinct owner from deliveries where state = 'sending' order by owner")
        found: list[Delivery] = []
        for row in rows:
            owner = row["owner"] or ""
            if owner == self._run or not self._is_dead(owner):
                continue
            with self._database.write("full") as connection:
                rows = connection.execute(
                    "update deliveries set state = ?, owner = null, uncertain = 1, next_at = ?, changed_at = ?"
                    " where state = 'sending' and owner is ? returning *",
                    ("pending" if policy == "resend" else "held", instant_text(now), instant_text(now), row["owner"]),
                ).fetchall()
            found.extend(_value(row) for row in rows)
        return found

    def _is_dead(self, owner: str) -> bool:
        path = _lock_folder(self._database.path) / f"{owner}.lock"
        if not path.exists():
            return True
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
                return True
        except Timeout:
            return False
        except OSError as error:
            # Whose it is cannot be found out: it may be alive.
            raise StoreError(f"{path}: cannot be locked: {error.strerror}; see who owns it") from error

    def drop_unwanted(self, now: datetime) -> Counter[DeliveryState]:
        """Expire what waits for subscribers who have left or paused, or whose address must not be mailed.

        What may have arrived is held. Return how many there were of either.
        """
        with self._database.write() as connection:
            rows = connection.execute(
                "update deliveries set state = iif(uncertain, 'held', 'expired'), smtp_text = 'no longer wanted',"
                f" changed_at = ? where state in ('pending', 'deferred') and {_UNWANTED} returning state",
                (instant_text(now),),
            ).fetchall()
        return Counter(DeliveryState(row["state"]) for row in rows)

    def waiting(
        self,
        limit: int,
        now: datetime,
        *,
        only: SubscriberId | None = None,
        without: Collection[DeliveryId] = (),
        spared: Collection[str] = (),
        share: Share = EVERYTHING,
    ) -> list[Delivery]:
        """Return at most ``limit`` deliveries whose time has come, in the order they are to go out; nothing changes.

        Sign-up mails and alerts go before digests, but for those that could not be written; of either, those that have
        not been tried go first, then those that have waited longest. Left out are those ``without``, those to
        ``spared`` domains, and the shares of other processes.
        """
        found: list[Delivery] = []
        for unwritten, is_digest, is_deferred in _ORDER:
            rows = self._database.rows(
                # As the index has them: the rows come in order, and only as many as are wanted are looked at.
                "select * from deliveries indexed by deliveries_waiting where state in ('pending', 'deferred')"
                " and (state = 'deferred') = :deferred and (kind = 'digest') = :digest and unwritten = :unwritten"
                " and (state = 'pending' or next_at <= :now) and (:only is null or subscriber_id = :only)"
                " and id % :of = :number and id not in (select value from json_each(:without))"
                " and (:spared = '[]' or domain not in (select value from json_each(:spared)))"
                f" and not {_UNWANTED} order by next_at, id limit :limit",
                {
                    "unwritten": unwritten,
                    "deferred": is_deferred,
                    "digest": is_digest,
                    "now": instant_text(now),
                    "only": only,
                    "number": share.number,
                    "of": share.of,
                    "without": json.dumps(list(without)),
                    "spared": json.dumps(list(spared)),
                    "limit": limit - len(found),
                },
            )
            found.extend(_value(row) for row in rows)
            if len(found) == limit:
                break
        return found

    def how_many_wait(self, now: datetime, *, only: SubscriberId | None = None) -> int:
        """Return how many deliveries there are whose time has come, wanted or not."""
        (row,) = self._database.rows(
            "select count(*) as many from deliveries where state in ('pending', 'deferred')"
            " and (state = 'pending' or next_at <= :now) and (:only is null or subscriber_id = :only)",
            {"now": instant_text(now), "only": only},
        )
        return int(row["many"])

    def settle(
        self, now: datetime, moment: datetime, marks: Sequence[Mark] = (), claims: Sequence[Claim] = ()
    ) -> Settled:
        """Write how mails ended and which go out next, in one transaction that is on the disk when this returns.

        A claim holds when the delivery still waits, is still wanted, and the rates let it through at ``moment``.
        """
        claimed: set[DeliveryId] = set()
        with self._database.write("full") as connection:
            for mark in marks:
                self._mark(connection, mark, now)
            buckets = Buckets(connection, self._limits, moment)
            for claim in claims:
                if self._may_be_claimed(connection, claim) and (
                    not claim.to_be_sent or buckets.take(claim.delivery.address)
                ):
                    self._claim(connection, claim, now)
                    claimed.add(claim.delivery.id)
            buckets.store()
        return Settled(claimed=frozenset(claimed), waits=buckets.waits)

    def slow_down(self, current: float, moment: datetime) -> None:
        """Halve what goes to the server, which took ``current`` mails a second until now."""
        with self._database.write() as connection:
            slow_down(connection, self._limits.server, current, moment)

    def _may_be_claimed(self, connection: sqlite3.Connection, claim: Claim) -> bool:
        found = connection.execute(
            "select 1 from deliveries where id = ? and state = ? and state in ('pending', 'deferred') and attempts = ?"
            f" and not {_UNWANTED}",
            (claim.delivery.id, claim.delivery.state, claim.delivery.attempts),
        ).fetchone()
        return found is not None

    def _claim(self, connection: sqlite3.Connection, claim: Claim, now: datetime) -> None:
        connection.execute(
            "update deliveries set state = 'sending', owner = ?, attempts = attempts + 1, changed_at = ?,"
            " bytes_hash = coalesce(?, bytes_hash) where id = ?",
            (self._run, instant_text(now), claim.bytes_hash, claim.delivery.id),
        )

    def _mark(self, connection: sqlite3.Connection, mark: Mark, now: datetime) -> None:
        at = instant_text(now)
        if not mark.tried:
            connection.execute(
                "update deliveries set state = iif(:state = 'expired' and uncertain, 'held', :state), owner = null,"
                " attempts = attempts - 1, unwritten = :unwritten, changed_at = :at,"
                # Why it was not sent stays known of what expires.
                " smtp_code = iif(:unwritten, null, smtp_code),"
                " smtp_text = iif(:unwritten or smtp_text = '', :text, smtp_text)"
                " where id = :id and state = 'sending' and owner = :owner",
                {
                    "state": mark.state,
                    "unwritten": int(mark.unwritten),
                    "text": mark.text,
                    "at": at,
                    "id": mark.delivery.id,
                    "owner": self._run,
                },
            )
            return
        connection.execute(
            # What may have arrived does not expire: its papers would come again.
            "update deliveries set state = iif(:state = 'expired' and uncertain, 'held', :state), owner = null,"
            " smtp_code = :code, smtp_text = :text, next_at = :next_at, changed_at = :at,"
            " sent_at = iif(:state = 'sent', :at, null), uncertain = max(uncertain, :uncertain), unwritten = 0"
            # That it went out is true whoever has it in hand by now.
            " where id = :id and state = 'sending' and (owner = :owner or :state = 'sent')",
            {
                "state": mark.state,
                "code": mark.code,
                "text": mark.text,
                "next_at": instant_text(mark.next_at or now),
                "at": at,
                "uncertain": int(mark.uncertain),
                "id": mark.delivery.id,
                "owner": self._run,
            },
        )

    def find(self, kind: DeliveryKind, key: str) -> Delivery | None:
        """Return one delivery, ``None`` when there is none."""
        row = self._database.row("select * from deliveries where kind = ? and key = ?", (kind, key))
        return _value(row) if row else None

    def undelivered(self, since: datetime) -> Undelivered:
        """Return what was held or failed since then, and since when the oldest mail waits."""
        (row,) = self._database.rows(
            "select count(*) filter (where state = 'held' and changed_at >= :since) as held,"
            " count(*) filter (where state = 'failed' and changed_at >= :since) as failed,"
            " min(created_at) filter (where state in ('pending', 'deferred')) as oldest from deliveries",
            {"since": instant_text(since)},
        )
        oldest = instant_value(row["oldest"]) if row["oldest"] else None
        return Undelivered(held=row["held"], failed=row["failed"], oldest=oldest)

    def counts(self) -> dict[DeliveryState, int]:
        """Return how many deliveries are in each state."""
        rows = self._database.rows("select state, count(*) as many from deliveries group by state order by state")
        return {DeliveryState(row["state"]): row["many"] for row in rows}


def _lock_folder(database: Path) -> Path:
    return database.with_name(f"{database.name}.runs")


def _value(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        kind=DeliveryKind(row["kind"]),
        key=row["key"],
        subscriber_id=row["subscriber_id"],
        digest_id=row["digest_id"],
        address=row["address"],
        message_id=row["message_id"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        bytes_hash=row["bytes_hash"],
        created_at=instant_value(row["created_at"]),
        details=row["details"],
        uncertain=bool(row["uncertain"]),
    )
