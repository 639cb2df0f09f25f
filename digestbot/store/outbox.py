"""The outbox: claim, send, mark.

A delivery is ``sending``, on the disk, before the first byte leaves, and ``sent`` after the final
reply. Who claims writes its run's name into the row and holds an OS lock of that name, which dies
with the process; a row in ``sending`` whose lock is free is uncertain.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from digestbot.errors import StoreError
from digestbot.models import Delivery, DeliveryKind, DeliveryState, SubscriberId
from digestbot.store.database import Database
from digestbot.store.digests import insert_deliveries
from digestbot.store.values import instant_text, instant_value

# Digests are for the active, the mail that asks is for those who have not answered, and the last one for those who
# left. What goes to no subscriber, an alert to the admin, is never unwanted.
_UNWANTED = (
    "exists (select 1 from subscribers where subscribers.id = deliveries.subscriber_id"
    " and subscribers.state <> case deliveries.kind"
    " when 'confirm' then 'pending' when 'goodbye' then 'unsubscribed' else 'active' end)"
)


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

    def open_run(self, run: str) -> None:
        """Hold the lock of this run; ``run`` is a random name."""
        folder = _lock_folder(self._database.path)
        try:
            folder.mkdir(exist_ok=True)
            lock = FileLock(folder / f"{run}.lock")
            lock.acquire()
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}; make room, or see who owns it") from error
        self._lock, self._run = lock, run

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

    def drop_unwanted(self, now: datetime) -> int:
        """Expire what waits for subscribers who have left or paused, or whose address must not be mailed."""
        with self._database.write() as connection:
            return connection.execute(
                "update deliveries set state = iif(uncertain, 'held', 'expired'), smtp_text = 'no longer wanted',"
                f" changed_at = ? where state in ('pending', 'deferred') and {_UNWANTED}",
                (instant_text(now),),
            ).rowcount

    def claim(self, limit: int, now: datetime, *, only: SubscriberId | None = None) -> list[Delivery]:
        """Mark at most ``limit`` deliveries as ``sending`` by this run, on the disk, and return them.

        What has not been tried goes first, so that a mail that stops a run does not stop the next one
        too; of those, sign-up mails and alerts go before digests; then those that have waited longest. What the
        subscriber no longer wants is not claimed, even if that changed a moment ago.
        """
        with self._database.write("full") as connection:
            rows = connection.execute(
                "update deliveries set state = 'sending', owner = :run, attempts = attempts + 1, changed_at = :now"
                " where id in (select id from deliveries indexed by deliveries_waiting"
                "  where state in ('pending', 'deferred')"
                "  and (state = 'pending' or next_at <= :now) and (:only is null or subscriber_id = :only)"
                f"  and not {_UNWANTED} order by state = 'deferred', kind = 'digest', next_at, id"
                "  limit :limit) returning *",
                {"run": self._run, "now": instant_text(now), "only": only, "limit": limit},
            ).fetchall()
        return sorted((_value(row) for row in rows), key=lambda delivery: delivery.id)

    def note_bytes(self, delivery: Delivery, bytes_hash: str) -> None:
        """Keep the SHA-256 of the bytes that are about to leave."""
        with self._database.write() as connection:
            connection.execute("update deliveries set bytes_hash = ? where id = ?", (bytes_hash, delivery.id))

    def mark(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: datetime,
        *,
        code: int | None = None,
        text: str = "",
        next_at: datetime | None = None,
        uncertain: bool = False,
    ) -> None:
        """Say how a claimed delivery ended, on the disk; ``uncertain`` when it may have arrived all the same."""
        with self._database.write("full") as connection:
            connection.execute(
                "update deliveries set state = ?, owner = null, smtp_code = ?, smtp_text = ?, next_at = ?,"
                " changed_at = ?, sent_at = ?, uncertain = max(uncertain, ?) where id = ?",
                (
                    state,
                    code,
                    text,
                    instant_text(next_at or now),
                    instant_text(now),
                    instant_text(now) if state == DeliveryState.SENT else None,
                    int(uncertain),
                    delivery.id,
                ),
            )

    def release(self, delivery: Delivery, now: datetime, *, until: datetime | None = None) -> None:
        """Put a claimed delivery back as if it had not been tried; with ``until``, behind all that has not been."""
        with self._database.write("full") as connection:
            connection.execute(
                "update deliveries set state = ?, owner = null, attempts = attempts - 1,"
                " next_at = coalesce(?, next_at), changed_at = ? where id = ? and state = 'sending'",
                (
                    "deferred" if until else "pending",
                    instant_text(until) if until else None,
                    instant_text(now),
                    delivery.id,
                ),
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
    )
