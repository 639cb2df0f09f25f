"""JSON of services: what is damaged is known, and stays where it stands."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.sources.json_text import check_utf8, read_json
from tests.sources.json_values import anything


@given(anything)
def test_what_is_written_is_read_and_is_whole(value: object) -> None:
    said, whole = read_json(json.dumps(value).encode(), name="journal")
    # Compared as text: what is no number equals nothing.
    assert json.dumps(said) == json.dumps(value)
    assert whole
    check_utf8(said)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_a_format_error(body: bytes) -> None:
    with suppress(SourceFormatError):
        read_json(body, name="journal")


@pytest.mark.parametrize("body", [b"[" * 100_000, b"", b"\xff", b"9" * 5000])
def test_what_is_no_json_is_a_format_error(body: bytes) -> None:
    with pytest.raises(SourceFormatError, match="journal: not JSON: "):
        read_json(body, name="journal")


@pytest.mark.parametrize("entry", [b'"B\xffs"', b'{"title": ["B\xc3"]}', b'{"B\xed\xa0\xbds": 1}'])
def test_bytes_that_are_not_utf8_are_found_wherever_they_stand_in_an_entry(entry: bytes) -> None:
    (good, bad), whole = read_json(b'["\xc3\xa9", ' + entry + b"]", name="journal")
    assert (good, whole) == ("é", False)
    check_utf8(good)
    with pytest.raises(SourceFormatError, match="not UTF-8"):
        check_utf8(bad)


def test_an_entry_too_deep_to_be_looked_through_counts_as_damaged() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SourceFormatError, match="not UTF-8"):
        check_utf8(deep)
