"""Hugging Face's daily papers, as ``/api/daily_papers`` gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tests.fakes.server import Answer, Fault, Request, Service

_JSON = {"Content-Type": "application/json; charset=utf-8"}


def item(number: int = 1, day: date = date(2025, 5, 27), **changes: Any) -> dict[str, Any]:
    """One entry with all fields; ``changes`` are of its ``paper``, ``numComments`` of the entry."""
    comments = changes.pop("numComments", 2)
    paper: dict[str, Any] = {
        "id": f"2505.{number:05d}",
        "authors": [
            {
                "_id": f"66{number:022d}",
                "user": {
                    "_id": f"67{number:022d}",
                    "avatarUrl": "/avatars/quill.svg",
                    "isPro": False,
                    "fullname": "Ada Quill",
                    "user": "aquill",
                    "name": "aquill",
                    "type": "user",
                },
                "name": "Ada Quill",
                "status": "claimed_verified",
                "statusLastChangedAt": f"{day}T09:12:00.000Z",
                "hidden": False,
            },
            {"_id": f"68{number:022d}", "name": "Bela Vane", "hidden": False},
            {"_id": f"69{number:022d}", "name": "Nobody Here", "hidden": True},
        ],
        "publishedAt": f"{day}T00:00:00.000Z",
        "submittedOnDailyAt": f"{day}T00:00:00.000Z",
        "title": f"Sparse retrieval,\n  part {number}",
        "submittedOnDailyBy": {
            "_id": f"70{number:022d}",
            "avatarUrl": "/avatars/vane.svg",
            "isPro": False,
            "fullname": "Bela Vane",
            "user": "bvane",
            "name": "bvane",
            "type": "user",
        },
        "summary": f"We index passages with sparse vectors.\nPart {number} weighs their terms.",
        "upvotes": number,
        "discussionId": f"71{number:022d}",
        "projectPage": "https://sparse.example.org",
        "githubRepo": "https://example.org/sparse",
        "githubRepoAddedBy": "user",
        "githubStars": 12,
        "mediaUrls": ["https://media.example.org/sparse.mp4"],
        "organization": {
            "_id": "72",
            "name": "lab",
            "fullname": "A Lab",
            "avatar": "https://media.example.org/lab.png",
        },
        "ai_summary": "Terms of passages get weights.",
        "ai_keywords": ["sparse vectors", "indexing"],
        **changes,
    }
    return {
        "paper": {name: value for name, value in paper.items() if value is not None},
        # Local time written as Z, hours off.
        "publishedAt": f"{day}T20:00:00.000Z",
        "title": f"OUTER {number}",
        "summary": f"OUTER {number}",
        "thumbnail": f"https://thumbnails.example.org/{number}.png",
        "numComments": comments,
        "submittedBy": {"_id": "73", "fullname": "Bela Vane", "name": "bvane", "type": "user"},
        "organization": {"_id": "72", "name": "lab", "fullname": "A Lab"},
        "isAuthorParticipating": False,
    }


@dataclass
class HuggingFace(Service):
    """The papers of each day. Days behind ``today`` cannot be asked for, and ``broken`` ones always fail."""

    today: date = date(2025, 5, 27)
    days: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    broken: frozenset[date] = frozenset()
    sent: list[Answer] = field(default_factory=list)

    @property
    def days_asked(self) -> list[str]:
        """The days of first pages, in the order they were asked for."""
        return [request.value("date") for request in self.asked if request.value("p") == "0"]

    def reply(self, request: Request) -> Answer:
        self.sent.append(super().reply(request))
        return self.sent[-1]

    def answer(self, request: Request) -> Answer:
        if request.path != "/api/daily_papers":
            return Answer(status=404, body=b'{"error":"Sorry, we can\'t find the page you are looking for."}')
        day = request.value("date")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day) or date.fromisoformat(day) > self.today:
            return Answer(status=400, body=b'{"error":"Invalid date"}', headers=_JSON)
        page, limit = int(request.value("p", "0")), int(request.value("limit", "50"))
        if not 1 <= limit <= 100:
            return Answer(status=400, body=b'{"error":"Invalid limit"}', headers=_JSON)
        if date.fromisoformat(day) in self.broken:
            return Answer(status=404, body=b'{"error":"Not found"}', headers=_JSON)
        items = self.days.get(date.fromisoformat(day), [])
        return Answer(body=json.dumps(items[page * limit : (page + 1) * limit]).encode(), headers=_JSON)

    def repeated(self, _: Answer) -> Answer:
        """Send the answer before this one again."""
        return self.sent[-1]


def _changed(change: Callable[[list[Any]], list[Any]]) -> Fault:
    return lambda answer: replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())


short_page = _changed(lambda items: items[:-1])
"""The last paper of the page is missing."""

malformed_entry = _changed(lambda items: [{"paper": {"id": 2505.0211}}, *items[1:]] if items else [])
"""The first paper of the page is a broken one instead."""


def odd_dates(answer: Answer) -> Answer:
    """Write days unpadded, and times of the day in a zone of their own."""
    body = re.sub(rb"(\d{4})-0?(\d\d?)-0?(\d\d?)T00:00:00.000Z", rb"\1-\2-\3T20:00:00-05:00", answer.body)
    return replace(answer, body=body)


def status_error(_: Answer) -> Answer:
    """Say in a page that is well otherwise that something went wrong."""
    return Answer(body=b'{"error":"Internal error, we are on it"}', headers=_JSON)
