"""Fields of JSON that others wrote: each is what it should be, or empty, or a ``ShapeError``, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from digestbot.web.webhooks.events import ShapeError

_MOST_TEXT = 500
# RFC 5321 section 4.5.3.1.3: a path of 256 octets, with its brackets.
_MOST_ADDRESS = 254
# RFC 5322 section 2.1.1.
_MOST_MESSAGE_ID = 998
# Alone, or in brackets behind a name.
_ADDRESS = re.compile(r"(?:[^<>]*<)?([^\s<>,;:@\"]+@[^\s<>,;:@\"]+)>?")
_MESSAGE_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+")
# Control characters, and halves of surrogate pairs, which no database takes.
_UNSEEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


def json_of(text: bytes | str) -> Any:
    """Return what a JSON text says."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ShapeError("is not JSON") from error


def table(value: object, name: str) -> dict[str, Any]:
    """Return a JSON object, which ``name`` calls by its name when it is none."""
    if not isinstance(value, dict):
        raise ShapeError(f"has no {name}")
    return value


def tables(value: object, name: str) -> list[Any]:
    """Return a JSON list whatever its members are."""
    if not isinstance(value, list):
        raise ShapeError(f"has no {name}")
    return value


def words(value: object) -> str:
    """Return a text or a number as one line that is not endless; of anything else, nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    # Numbers of more digits than Python writes out (4300) never come: it does not read them either.
    return " ".join(_UNSEEN.sub(" ", str(value)).split())[:_MOST_TEXT]


def address(value: object) -> str:
    """Return a mail address without the name that may stand before it."""
    found = _ADDRESS.fullmatch(value.strip()) if isinstance(value, str) and value.isprintable() else None
    if found is None or len(found[1]) > _MOST_ADDRESS:
        raise ShapeError("names no mail address")
    return found[1]


def message_id(value: object) -> str:
    """Return a Message-ID in the brackets that some providers take off; what is none is empty."""
    bare = value.strip().removeprefix("<").removesuffix(">") if isinstance(value, str) else ""
    return f"<{bare}>" if len(bare) <= _MOST_MESSAGE_ID and _MESSAGE_ID.fullmatch(bare) else ""
