"""JSON that may hold bytes that are not UTF-8: they cost the entry in which they stand, not the page."""

from __future__ import annotations

import json
import re
from typing import Any

from digestbot.errors import SourceFormatError

# What surrogateescape makes of a byte that is not UTF-8.
_FOREIGN_BYTE = re.compile("[\\udc80-\\udcff]")


def read_json(body: bytes, *, name: str) -> tuple[Any, bool]:
    """Return what a page says, and whether all of it is UTF-8; where it is not, entries go through ``check_utf8``.

    Raises ``SourceFormatError``, in which the source is called ``name``, when it is not JSON.
    """
    try:
        said = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(f"{name}: not JSON: {error}") from error
    return said, _is_utf8(body)


def check_utf8(entry: object) -> None:
    """Raise ``SourceFormatError`` when bytes that are not UTF-8 stand anywhere in an entry."""
    try:
        damaged = _FOREIGN_BYTE.search(json.dumps(entry, ensure_ascii=False)) is not None
    except RecursionError:
        damaged = True
    if damaged:
        raise SourceFormatError("not UTF-8")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
