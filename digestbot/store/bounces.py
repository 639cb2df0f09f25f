"""What is known of a mail that came back: where it went, and how often mails to that address did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from digestbot.models import DeliveryState, SubscriberId
from digestbot.store.database import Database
from digestbot.store.values import instant_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A mail of ours: to whom, ``None`` for the admin, at which address, and what became of it."""

    subscriber_id: SubscriberId | None
    address: str
    state: DeliveryState


class Bounces:
    """The mails that came back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def posted(self, message_id: str) -> Posted | None:
        """Return the mail with this Message-ID, ``None`` when it is none of ours."""
        row = self._database.row("select * from deliveries where message_id = ?", (message_id,))
        if row is None:
            return None
        state = DeliveryState(row["state"])
        return Posted(subscriber_id=row["subscriber_id"], address=row["address"], state=state)

    def went_to(self, subscriber_id: SubscriberId, address: str) -> bool:
        """Return whether a mail to this subscriber went to this address."""
        row = self._database.row(
            "select 1 from deliveries where subscriber_id = ? and lower(address) = lower(?) limit 1",
            (subscriber_id, address),
        )
        return row is not None

    def mark(self, message_id: str, text: str, now: datetime) -> None:
        """Note that this mail did not arrive, and why; of one on its way, who sends it will say how it ended."""
        with self._database.write("full") as connection:
            connection.execute(
                "update deliveries set state = 'bounced', owner = null, smtp_text = ?, changed_at = ?"
                " where message_id = ? and state <> 'sending'",
                (text, instant_text(now), message_id),
            )

    def add_point(
        self, subscriber_id: SubscriberId, address: str, message_id: str, now: datetime, *, stale_after: timedelta
    ) -> tuple[int, bool]:
        """Count a mail that came back from this address, one a day at most and no mail twice.

        Return the points that the address has now, and whether this one is new. When there was none for as long as
        ``stale_after``, the older ones are forgotten.
        """
        address, day = address.lower(), now.date()
        with self._database.write("full") as connection:
            ((newest, known),) = connection.execute(
                "select max(day), count(*) filter (where day = :day or (message_id = :mail and :mail <> ''))"
                " from bounce_points where subscriber_id = :id and address = :address",
                {"id": subscriber_id, "address": address, "day": day.isoformat(), "mail": message_id},
            ).fetchall()
            if not known:
                if newest is not None and newest < (day - stale_after).isoformat():
                    connection.execute(
                        "delete from bounce_points where subscriber_id = ? and address = ?", (subscriber_id, address)
                    )
                connection.execute(
                    "insert into bounce_points (subscriber_id, address, day, message_id) values (?, ?, ?, ?)",
                    (subscriber_id, address, day.isoformat(), message_id),
                )
            (points,) = connection.execute(
                "select count(*) from bounce_points where subscriber_id = ? and address = ?", (subscriber_id, address)
            ).fetchone()
            return points, not known
