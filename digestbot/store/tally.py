"""The tally: how many there are of everything, for those who watch over an installation. No names, no addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from digestbot.store.database import Database
from digestbot.store.rates import slowed_rate
from digestbot.store.values import instant_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many there are: deliveries by kind and state, subscribers by state, suppressions by cause.

    ``last_success`` is by source, when the last load began that succeeded. ``slowed`` has, by server, how many mails a
    second may go to it for now; one that takes as many as it likes is not in it.
    """

    deliveries: Mapping[tuple[str, str], int]
    oldest_waiting: datetime | None
    subscribers: Mapping[str, int]
    suppressions: Mapping[str, int]
    papers: int
    last_success: Mapping[str, datetime]
    slowed: Mapping[str, float]


class Tally:
    """Counts, whatever processes made what is counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self, moment: datetime) -> Figures:
        """Return how many there are; ``moment`` is the true time, which rates go by."""
        rows = self._database.rows
        return Figures(
            deliveries={
                (row["kind"], row["state"]): row["many"]
                for row in rows("select kind, state, count(*) as many from deliveries group by kind, state")
            },
            oldest_waiting=self._oldest_waiting(),
            subscribers={
                row["state"]: row["many"]
                for row in rows("select state, count(*) as many from subscribers group by state")
            },
            suppressions={
                row["class"]: row["many"]
                for row in rows(
                    "select iif(cause in ('admin', 'import'), 'other', cause) as class, count(*) as many"
                    " from suppressions group by class"
                )
            },
            papers=rows("select count(*) as many from papers")[0]["many"],
            last_success={
                row["source"]: instant_value(row["last"])
                for row in rows("select source, max(started_at) as last from loads where error = '' group by source")
            },
            slowed={
                row["name"].removeprefix("server "): rate
                for row in rows("select * from rates where slow is not null order by name")
                if (rate := slowed_rate(row, moment)) is not None
            },
        )

    def _oldest_waiting(self) -> datetime | None:
        (row,) = self._database.rows(
            "select min(created_at) as oldest from deliveries where state in ('pending', 'deferred', 'sending')"
        )
        return instant_value(row["oldest"]) if row["oldest"] else None
