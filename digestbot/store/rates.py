"""Rates: token buckets in the database, so that all processes share them and a restart forgets nothing.

A bucket fills evenly and holds a little more than nothing: what was not sent in a quiet hour is not sent at once in the
next. How much may go to the server itself has no setting: it is halved whenever the server asks for patience, and comes
back within an hour.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from digestbot.models import RateLimits, domain_of
from digestbot.store.values import instant_text, instant_value

_HOUR = 3600.0
# Of what a bucket lets through in its period it holds so much: the most by which a period can have more.
_HELD_OF_A_SECOND, _HELD_OF_A_MINUTE, _HELD_OF_AN_HOUR = 1 / 5, 1 / 20, 1 / 60
# Several connections hear the same reply: they are one.
_SAME_REPLY_SECONDS = 1.0
# However often a server asks for patience, so many mails a second are tried.
_LEAST = 0.05
_SERVER = "server"


@dataclass(frozen=True, slots=True)
class _Bucket:
    """What may go out: ``tokens`` mails at ``at``, and ``rate`` more each second, but never more than ``most``."""

    tokens: float
    rate: float
    most: float
    at: datetime

    def filled(self, now: datetime) -> _Bucket:
        # Clocks are set back at times.
        passed = max(0.0, (now - self.at).total_seconds())
        return replace(self, tokens=min(self.most, self.tokens + passed * self.rate), at=now)

    @property
    def wait(self) -> float:
        """Seconds until there is a whole mail in it."""
        return max(0.0, (1 - self.tokens) / self.rate)


class Buckets:
    """The buckets that one transaction takes from; ``store`` what was taken in the end."""

    def __init__(self, connection: sqlite3.Connection, limits: RateLimits, now: datetime) -> None:
        self._connection = connection
        self._limits = limits
        self._now = now
        self._open: dict[str, _Bucket] = {}
        self._for_all = [
            bucket
            for bucket in (
                self._bucket("second", limits.per_second, 1.0, _HELD_OF_A_SECOND),
                self._bucket("hour", limits.per_hour, _HOUR, _HELD_OF_AN_HOUR),
                self._of_the_server(),
            )
            if bucket
        ]
        # Seconds until there is more, by domain; of everything under the empty name.
        self.waits: dict[str, float] = {}

    def take(self, address: str) -> bool:
        """Take one mail to this address out of all its buckets, or none out of any."""
        domain = domain_of(address)
        per_minute = self._limits.of_domain(domain)
        own = self._bucket(f"domain {domain}", per_minute, 60.0, _HELD_OF_A_MINUTE) if per_minute else None
        empty = {self._scope(name): self._open[name].wait for name in self._names(own) if self._open[name].tokens < 1}
        if empty:
            self.waits |= {scope: max(wait, self.waits.get(scope, 0.0)) for scope, wait in empty.items()}
            return False
        for name in self._names(own):
            self._open[name] = replace(self._open[name], tokens=self._open[name].tokens - 1)
        return True

    def store(self) -> None:
        """Write down what is left."""
        self._connection.executemany(
            "insert into rates (name, tokens, at) values (?, ?, ?)"
            " on conflict do update set tokens = excluded.tokens, at = excluded.at",
            [(name, one.tokens, instant_text(one.at)) for name, one in self._open.items()],
        )

    def _names(self, own: str | None) -> Iterator[str]:
        yield from self._for_all
        if own:
            yield own

    @staticmethod
    def _scope(name: str) -> str:
        return name.removeprefix("domain ") if name.startswith("domain ") else ""

    def _bucket(self, name: str, many: float, seconds: float, held: float) -> str | None:
        if many and name not in self._open:
            self._read(name, rate=many / seconds, most=max(1.0, many * held))
        return name if many else None

    def _of_the_server(self) -> str | None:
        row = self._connection.execute(
            "select slow, fast, slowed_at from rates where name = ? and slow is not null", (self._limits.server,)
        ).fetchone()
        rate = slowed_rate(row, self._now) if row else None
        if rate is not None:
            self._read(self._limits.server, rate=rate, most=1.0)
        return self._limits.server if rate is not None else None

    def _read(self, name: str, *, rate: float, most: float) -> None:
        row = self._connection.execute("select tokens, at from rates where name = ?", (name,)).fetchone()
        known = _Bucket(row["tokens"], rate, most, instant_value(row["at"])) if row else None
        self._open[name] = known.filled(self._now) if known else _Bucket(most, rate, most, self._now)


def slow_down(connection: sqlite3.Connection, server: str, current: float, now: datetime) -> None:
    """Halve what may go to a server; ``current`` is how many mails a second it took until now."""
    row = connection.execute(
        "select slow, fast, slowed_at from rates where name = ? and slow is not null", (server,)
    ).fetchone()
    if row and abs((now - instant_value(row["slowed_at"])).total_seconds()) < _SAME_REPLY_SECONDS:
        return
    limited = slowed_rate(row, now) if row else None
    before = current if limited is None else min(current, limited)
    fast = current if limited is None else row["fast"]
    connection.execute(
        "insert into rates (name, tokens, at, slow, fast, slowed_at) values (:server, 0, :now, :slow, :fast, :now)"
        " on conflict do update set tokens = 0, at = excluded.at, slow = excluded.slow, fast = excluded.fast,"
        " slowed_at = excluded.slowed_at",
        {
            "server": server,
            "now": instant_text(now),
            "slow": max(_LEAST, before / 2),
            "fast": max(2 * _LEAST, fast),
        },
    )


def slowed_rate(row: sqlite3.Row, now: datetime) -> float | None:
    """Return how many mails a second may go to a slowed server by now; ``None``: as many as it likes again."""
    passed = max(0.0, (now - instant_value(row["slowed_at"])).total_seconds())
    rate = float(row["slow"] + row["fast"] * passed / _HOUR)
    return rate if rate < row["fast"] else None
