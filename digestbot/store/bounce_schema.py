"""The points that addresses have for mails that came back for a while, and how they are found by their mails.

Databases were made by these statements: what is to change comes as statements of a further migration.
"""

from __future__ import annotations

import sqlite3

# One row a day at most. Erased with the subscriber; an address that was given up keeps its own.
_FIRST = (
    """create table bounce_points (
        subscriber_id integer not null references subscribers (id) on delete cascade,
        address text not null,
        day text not null,
        message_id text not null,
        primary key (subscriber_id, address, day)
    ) strict, without rowid""",
    "create index bounce_points_address on bounce_points (address)",
)


def create(connection: sqlite3.Connection) -> None:
    """Make the table, in the transaction of the caller."""
    for statement in _FIRST:
        connection.execute(statement)
