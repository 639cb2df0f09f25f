"""Full, valid values; a test names only what matters to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from digestbot.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestItem,
    Load,
    Paper,
    Rating,
    Reason,
    Scored,
    Subscriber,
    SubscriberState,
    digest_id,
)
from digestbot.store import Defaults, Store, open_store

DAY = date(2025, 5, 27)
NOW = datetime(2025, 5, 27, 8, 0, tzinfo=UTC)
KEY = "a key of the tests, long enough"


def paper(number: int = 1, **changes: Any) -> Paper:
    values: dict[str, Any] = {
        "id": f"arxiv:2505.{number:05d}",
        "title": f"Sparse retrieval, part {number}",
        "abstract": f"We index passages with sparse vectors. Part {number} weighs their terms.",
        "authors": ("Ada Quill", "Bela Vane"),
        "categories": ("cs.IR", "cs.CL"),
        "announced": DAY,
        "url": f"https://arxiv.org/abs/2505.{number:05d}",
    }
    return Paper(**values | changes)


def described(number: int = 1) -> dict[str, Paper]:
    """One work as four places describe it: any two of them share something with arXiv's description."""
    title = f"Counting what the index forgets, part {number}"
    shared: dict[str, Any] = {"authors": ("Zoë Quill", "Bela Vane"), "categories": (), "abstract": "", "title": title}
    return {
        "arxiv": paper(number, title=title, authors=("Zoë Quill", "Bela Vane"), doi=f"10.5555/{number}", announced=DAY),
        "doi": paper(
            **shared | {"title": f"What the index forgets ({number})"},
            id=f"doi:10.5555/{number}",
            doi=f"10.5555/{number}",
            url=f"https://doi.org/10.5555/{number}",
            comment="Journal of Indexes 4",
            announced=DAY - timedelta(days=2),
        ),
        "hub": paper(
            **shared,
            id=f"hub:{number}",
            doi=f"10.48550/arXiv.2505.{number:05d}",
            url=f"https://hub.example.org/papers/{number}",
            upvotes=12,
            comment_count=3,
            announced=DAY + timedelta(days=1),
        ),
        "feed": paper(
            **shared | {"title": title.upper() + "!", "authors": ("Quill, Z.",)},
            id=f"feed:{number:x}",
            url=f"https://blog.example.org/{number}",
            announced=DAY + timedelta(days=3),
        ),
    }


def subscriber(number: int = 1, **changes: Any) -> Subscriber:
    values: dict[str, Any] = {
        "id": 7_000_000_000_000_000_000 + number,
        "email": f"reader{number}@example.org",
        "state": SubscriberState.ACTIVE,
        "timezone": "UTC",
        "send_at": time(7, 0),
        "days": "daily",
        "papers": 10,
        "categories": (),
        "created_at": NOW,
    }
    return Subscriber(**values | changes)


def rating(paper_id: str = "arxiv:2505.00001", value: Any = 1, **changes: Any) -> Rating:
    values: dict[str, Any] = {"subscriber_id": 1, "paper_id": paper_id, "value": value, "rated_at": NOW}
    return Rating(**values | changes)


def scored(number: int = 1, score: float = 0.5, **changes: Any) -> Scored:
    return Scored(paper=paper(number, **changes), score=score, reason=Reason(kind="terms", terms=("sparse retrieval",)))


def digest(*papers: Paper, reader: Subscriber | None = None, **changes: Any) -> Digest:
    owner = reader or subscriber()
    shown = papers or (paper(1), paper(2), paper(3))
    day = changes.get("local_day", DAY)
    values: dict[str, Any] = {
        "id": digest_id(owner.id, day),
        "subscriber_id": owner.id,
        "local_day": day,
        "composed_at": NOW,
        "number": 1,
        "considered": 40,
        "days": owner.days,
        "language": owner.language,
        "items": tuple(
            DigestItem(
                position=place,
                paper=one,
                shown_id=one.id,
                score=1 / place,
                reason=Reason(kind="terms", terms=("sparse", "index")),
            )
            for place, one in enumerate(shown, 1)
        ),
    }
    return Digest(**values | changes)


def delivery(number: int = 1, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": number,
        "kind": DeliveryKind.DIGEST,
        "key": str(number),
        "subscriber_id": subscriber().id,
        "digest_id": None,
        "address": "reader1@example.org",
        "message_id": f"<{number}@example.org>",
        "state": DeliveryState.PENDING,
        "attempts": 0,
        "bytes_hash": None,
        "created_at": NOW,
    }
    return Delivery(**values | changes)


def alert(number: int = 1, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "kind": DeliveryKind.ALERT,
        "key": f"alert {number}",
        "subscriber_id": None,
        "address": "admin@example.org",
        "message_id": f"<alert.{number}@example.org>",
        "details": '{"source": "arxiv", "problem": "nothing new since Monday"}',
    }
    return delivery(number, **values | changes)


def load(source: str = "arxiv", **changes: Any) -> Load:
    """What one load came to."""
    values: dict[str, Any] = {
        "asked": "what is new",
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=4),
        "received": 3,
        "new": 2,
        "updated": 1,
        "newest": DAY,
    }
    return Load(source=source, **values | changes)


def new_store(path: Path, defaults: Defaults | None = None) -> Store:
    """A store with ids that count, for tests that want to see them."""
    ids = count(1)
    return open_store(path, defaults=defaults or Defaults(), new_id=lambda: next(ids))
