"""How values of the models stand in rows: text that sorts as it should."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime
from functools import lru_cache

from digestbot.models import Paper


@lru_cache(maxsize=1024)
def instant_text(moment: datetime) -> str:
    """Return a UTC time as text of one length, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_value(text: str) -> datetime:
    """Return the aware UTC time that ``instant_text`` wrote."""
    return datetime.fromisoformat(text)


def list_text(values: tuple[str, ...]) -> str:
    """Return strings as a JSON list."""
    return json.dumps(values, ensure_ascii=False)


@lru_cache(maxsize=4096)
def list_value(text: str) -> tuple[str, ...]:
    """Return the strings of a JSON list."""
    return tuple(json.loads(text))


def paper_value(row: sqlite3.Row) -> Paper:
    """Return a row of ``papers`` as a paper."""
    return Paper(
        id=row["id"],
        title=row["title"],
        abstract=row["abstract"],
        authors=list_value(row["authors"]),
        categories=list_value(row["categories"]),
        announced=date.fromisoformat(row["announced"]),
        url=row["url"],
        pdf_url=row["pdf_url"],
        doi=row["doi"],
        comment=row["comment"],
        upvotes=row["upvotes"],
        comment_count=row["comment_count"],
        links=list_value(row["links"]),
        revision=row["revision"],
    )
