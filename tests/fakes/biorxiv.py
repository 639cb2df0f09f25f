"""bioRxiv and medRxiv, as ``/details`` gives them: 30 records a page, whatever the help text says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tests.fakes.server import Answer, Fault, Request, Service

PAGE = 30
_JSON = {"Content-Type": "application/json"}
_PATH = re.compile(r"/details/(biorxiv|medrxiv)/(\d{4}-\d\d-\d\d)/(\d{4}-\d\d-\d\d)/(\d+)/json")


def record(number: int = 1, day: date = date(2025, 5, 27), **changes: Any) -> dict[str, Any]:
    """One version of a preprint, with all fields."""
    return {
        "title": f"Sleep of bees, part {number}",
        "authors": "Quill, A. B.; Vane, B.",
        "author_corresponding": "Ada B. Quill",
        "author_corresponding_institution": "Institute of Bees",
        "doi": f"10.1101/2025.05.20.{number:06d}",
        "date": day.isoformat(),
        "version": "1",
        "type": "new results",
        "license": "cc_by",
        "category": "neuroscience",
        "jatsxml": f"https://www.biorxiv.example.org/content/early/{number}.source.xml",
        "abstract": f"Bees sleep at night. Part {number} counts for how long.",
        "funder": "NA",
        "published": "NA",
        "server": "bioRxiv",
        **changes,
    }


@dataclass
class Biorxiv(Service):
    """The records of both servers, in the order of their days."""

    records: list[dict[str, Any]] = field(default_factory=list)
    sent: list[Answer] = field(default_factory=list)

    @property
    def intervals(self) -> list[tuple[str, str, int]]:
        """What was asked for: first day, last day, cursor."""
        found = [_PATH.fullmatch(request.path) for request in self.asked]
        return [(one.group(2), one.group(3), int(one.group(4))) for one in found if one]

    def reply(self, request: Request) -> Answer:
        self.sent.append(super().reply(request))
        return self.sent[-1]

    def answer(self, request: Request) -> Answer:
        asked = _PATH.fullmatch(request.path)
        if asked is None:
            return Answer(status=404, body=b"<html><body>Not Found</body></html>")
        server, first, last, cursor = asked.group(1), asked.group(2), asked.group(3), int(asked.group(4))
        found = sorted(
            (one for one in self.records if one["server"].lower() == server and first <= one["date"] <= last),
            key=lambda one: str(one["date"]),
        )
        page = found[cursor : cursor + PAGE]
        if not page:
            return said("no posts found")
        message = {
            "status": "ok",
            "category": "all",
            "interval": f"{first}:{last}",
            "funder": "all",
            "cursor": cursor,
            "count": len(page),
            "count_new_papers": str(sum(one["version"] == "1" for one in found)),
            "total": str(len(found)),
        }
        return _answered(message, page)

    def repeated(self, _: Answer) -> Answer:
        """Send the answer before this one again."""
        return self.sent[-1]


def _answered(message: dict[str, Any], collection: list[Any]) -> Answer:
    return Answer(body=json.dumps({"messages": [message], "collection": collection}).encode(), headers=_JSON)


def said(status: str) -> Answer:
    """An answer with status 200, a text and no records."""
    return _answered({"status": status}, [])


def _changed(change: Callable[[dict[str, Any], list[Any]], list[Any]]) -> Fault:
    def spoil(answer: Answer) -> Answer:
        whole = json.loads(answer.body)
        whole["collection"] = change(whole["messages"][0], whole["collection"])
        return replace(answer, body=json.dumps(whole).encode())

    return spoil


short_page = _changed(lambda _, records: records[: (len(records) + 1) // 2])
"""Fewer records than the message counts."""

no_records = _changed(lambda _, records: [])
"""No record at all, though the message counts some."""


def total_of(number: int) -> Fault:
    """Say that there are so many records, also where there are none."""

    def stated(answer: Answer) -> Answer:
        whole = json.loads(answer.body)
        whole["messages"][0] |= {"status": "ok", "total": str(number)}
        return replace(answer, body=json.dumps(whole).encode())

    return stated


malformed_entry = _changed(lambda _, records: [{**records[0], "doi": None}, *records[1:]] if records else [])
"""The first record of the page has no DOI."""

unpadded_dates = _changed(lambda _, records: [{**one, "date": re.sub(r"-0", "-", one["date"])} for one in records])
"""Days like 2025-6-3."""


def numbers_as_numbers(answer: Answer) -> Answer:
    """Send the numbers of the message as numbers, where they are text, and the other way round."""
    whole = json.loads(answer.body)
    message = whole["messages"][0]
    for name in ("cursor", "count", "count_new_papers", "total"):
        message[name] = int(message[name]) if isinstance(message[name], str) else str(message[name])
    return replace(answer, body=json.dumps(whole).encode())


def status_error(_: Answer) -> Answer:
    return said("error: the query took too long")
