"""Feeds written in a line, and what is read of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from digestbot.errors import SourceFormatError
from digestbot.models import Paper, PaperId
from digestbot.sources import Batch
from digestbot.sources.feeds import parse_feed
from tests.factories import DAY

JOURNAL = "https://journal.example.org"


def read(body: bytes | str) -> Batch:
    return parse_feed(body.encode() if isinstance(body, str) else body, name="journal", today=DAY)


def rss(*items: str, head: str = "", attributes: str = 'version="2.0"') -> str:
    inner = "".join(f"<item>{item}</item>" for item in items)
    return f"<rss {attributes}><channel><link>{JOURNAL}/</link>{head}{inner}</channel></rss>"


def atom(*entries: str) -> str:
    inner = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{inner}</feed>'


def json_feed(*items: Mapping[str, Any], **fields: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items} | fields)


def one(body: bytes | str) -> Paper:
    batch = read(body)
    assert not batch.skipped
    (found,) = batch.papers
    return found


def ids(body: bytes | str) -> list[PaperId]:
    return [found.id for found in read(body).papers]


def problem(body: bytes | str) -> str:
    with pytest.raises(SourceFormatError) as caught:
        read(body)
    return str(caught.value)


def skipped(body: bytes | str) -> list[tuple[str, str]]:
    return [(entry.place, entry.problem) for entry in read(body).skipped]
