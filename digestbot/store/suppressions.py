"""Addresses that must not be mailed, kept as hashes: they outlive whoever had them."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digestbot.models import SubscriberState
from digestbot.store.database import Database, translated
from digestbot.store.values import instant_text, instant_value

# What servers say often has the address in it, which the hash is there to keep out.
_ADDRESS = re.compile(r"\S+@\S+")
_LONGEST_REASON = 300


class Cause(StrEnum):
    """What led to a suppression: a lasting failure, failures on several days, a complaint, the admin, or a file."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    ADMIN = "admin"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed; ``email`` is empty when no subscriber has it (any more).

    ``reason`` is what the server or the admin said, empty when they said nothing.
    """

    address_hash: str
    cause: Cause
    reason: str
    since: datetime
    email: str = ""


class Suppressions:
    """The addresses, in whatever case they are written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suppress(self, email: str, reason: str, now: datetime, *, cause: Cause = Cause.ADMIN) -> bool:
        """Never mail this address again, nor what waits for it; say whether it was mailed until now.

        Its subscriber has bounced, and after a complaint has left; who had left before stays so.
        """
        with self._database.write("full") as connection:
            return suppress(connection, email, reason, now, cause=cause)

    def unsuppress(self, email: str, now: datetime) -> bool:
        """Allow mails to this address again; say whether that changed anything.

        Its subscriber, if bounced, counts as somebody who has left: to be mailed again takes somebody's word.
        """
        with self._database.write("full") as connection:
            known = connection.execute("delete from suppressions where address_hash = ?", (address_hash(email),))
            connection.execute(
                "update subscribers set state = 'unsubscribed', changed_at = ?"
                " where lower(email) = lower(?) and state = 'bounced'",
                (instant_text(now), email),
            )
            # A new point would suppress it at once.
            connection.execute("delete from bounce_points where address = lower(?)", (email,))
            return known.rowcount > 0

    def suppressed(self, emails: Sequence[str]) -> set[str]:
        """Return those of the addresses that must not be mailed."""
        connection = self._database.connection
        with translated(self._database.path):
            return {email for email in emails if is_suppressed(connection, email)}

    def all(self) -> list[Suppression]:
        """Return all of them, the oldest first."""
        rows = self._database.rows("select * from suppressions order by created_at, address_hash")
        hashes = {row["address_hash"] for row in rows}
        emails = {
            hashed: row["email"]
            for row in (self._database.rows("select email from subscribers") if rows else ())
            if (hashed := address_hash(row["email"])) in hashes
        }
        return [
            Suppression(
                address_hash=row["address_hash"],
                cause=Cause(row["cause"]),
                reason=row["reason"],
                since=instant_value(row["created_at"]),
                email=emails.get(row["address_hash"], ""),
            )
            for row in rows
        ]


def suppress(connection: sqlite3.Connection, email: str, reason: str, now: datetime, *, cause: Cause) -> bool:
    """Do what ``Suppressions.suppress`` does, in the transaction of the caller."""
    moment = instant_text(now)
    state = SubscriberState.UNSUBSCRIBED if cause == Cause.COMPLAINT else SubscriberState.BOUNCED
    added = connection.execute(
        "insert into suppressions (address_hash, cause, reason, created_at) values (?, ?, ?, ?) on conflict do nothing",
        (address_hash(email), cause, _without_addresses(reason), moment),
    ).rowcount
    connection.execute(
        "update subscribers set state = ?, changed_at = ?"
        " where lower(email) = lower(?) and state not in ('unsubscribed', ?)",
        (state, moment, email, state),
    )
    # Whoever has left may have a last mail under way, which is not for those who complained, or are not there.
    connection.execute(
        "update deliveries set state = iif(uncertain, 'held', 'expired'), smtp_text = 'no longer wanted',"
        " changed_at = ? where state in ('pending', 'deferred') and lower(address) = lower(?)"
        " and subscriber_id in (select id from subscribers where lower(email) = lower(?))",
        (moment, email, email),
    )
    return added > 0


def is_suppressed(connection: sqlite3.Connection, email: str) -> bool:
    """Return whether this address must not be mailed."""
    found = connection.execute("select 1 from suppressions where address_hash = ?", (address_hash(email),)).fetchone()
    return found is not None


def address_hash(email: str) -> str:
    """Return what is kept of an address that must not be mailed."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _without_addresses(reason: str) -> str:
    return _ADDRESS.sub("<address>", " ".join(reason.split()))[:_LONGEST_REASON]
