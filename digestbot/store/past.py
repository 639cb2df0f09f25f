"""What happened here, in order: every rating that counts, and every digest that went out."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from digestbot.ranking.history import Event, Sent
from digestbot.store.database import Database
from digestbot.store.sent import COUNTS_AS_SENT
from digestbot.store.values import instant_value


class Past:
    """Reads what is only ever added to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ratings(self) -> list[Event]:
        """Return all events of ratings by time, without those that are left out as a scanner's."""
        rows = self._database.rows(
            "select subscriber_id, paper_id, rating_events.value, rated_at from rating_events"
            " where not left_out order by rated_at, id"
        )
        return [Event(reader, paper, value, instant_value(at)) for reader, paper, value, at in rows]

    def digests(self) -> list[Sent]:
        """Return all digests that went out, by day, with their papers by the ids that those have now."""
        rows = self._database.rows(
            "select digests.id, digests.subscriber_id, local_day, paper_id from digests"
            f" join deliveries on deliveries.digest_id = digests.id and {COUNTS_AS_SENT}"
            " join digest_items on digest_items.digest_id = digests.id"
            " order by local_day, digests.id, position"
        )
        return [
            Sent(reader, date.fromisoformat(day), tuple(row["paper_id"] for row in items))
            for (_, reader, day), items in groupby(rows, key=lambda row: (row[0], row[1], row[2]))
        ]
