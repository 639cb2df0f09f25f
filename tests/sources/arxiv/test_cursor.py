"""The cursor of arXiv: up to which day each category is had, and nothing that is not ours."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import PaperId
from digestbot.sources import Ask
from digestbot.sources.arxiv.cursor import Cursor
from tests.sources.arxiv.conftest import FOLLOWED, Installation, batches, eastern
from tests.sources.arxiv.days import WEDNESDAY


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "[]",
        "7",
        "null",
        '"cs.CL"',
        '{"cs.CL": 7}',
        '{"cs.CL": "soon"}',
        '{"cs.CL": "9999-12-31", "stat.ML": "2026-12-31"}',
        '{"unreadable": 3}',
        "[" * 100_000,
    ],
)
def test_a_cursor_that_is_garbage_counts_as_none(installation: Installation, cursor: str) -> None:
    found = fetched(installation, cursor)
    assert installation.asked == (1, 0)
    assert json.loads(found[-1].cursor) == dict.fromkeys([*FOLLOWED, "seen"], WEDNESDAY.isoformat())


def fetched(installation: Installation, cursor: str, known: dict[PaperId, date] | None = None) -> list[Any]:
    async def look(ids: Any) -> dict[PaperId, date]:
        return {name: day for name, day in (known or {}).items() if name in ids}

    now = installation.arxiv.world.now = eastern(WEDNESDAY)
    ask = Ask(now=now, since=None, cursor=cursor, known=look)
    return batches(installation.source(installation.client()), ask)


def test_a_cursor_of_other_categories_is_no_gap_of_ours(installation: Installation) -> None:
    found = fetched(installation, '{"math.OC": "2026-06-01", "cs.CL": "2026-06-09"}')
    assert installation.asked == (1, 0)
    assert "math.OC" not in found[-1].cursor


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_cursor(text: str) -> None:
    assert Cursor.read(text, FOLLOWED, today=WEDNESDAY) == Cursor()


days = st.dates(date(2025, 1, 1), WEDNESDAY)


@given(st.dictionaries(st.sampled_from(FOLLOWED), days), st.data())
def test_a_cursor_survives_being_written(covered: dict[str, date], data: st.DataObject) -> None:
    names = st.sampled_from(sorted(covered)) if covered else st.nothing()
    unreadable = data.draw(st.dictionaries(names, days))
    filling = data.draw(st.dictionaries(names, days))
    cursor = Cursor(covered, unreadable, filling, data.draw(days | st.just(date.min)))
    assert Cursor.read(cursor.write(), FOLLOWED, today=WEDNESDAY) == cursor


def test_a_day_far_ahead_is_not_believed_and_one_that_is_not_is_kept() -> None:
    text = Cursor({"cs.CL": date(2026, 6, 12), "stat.ML": date(2027, 1, 1)}, seen=date(2027, 1, 1)).write()
    assert Cursor.read(text, FOLLOWED, today=WEDNESDAY) == Cursor({"cs.CL": date(2026, 6, 12)})
