"""The text part: lines of at most 72 columns, as a terminal shows them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

WIDTH = 72
# Without the no-break space, which keeps together what it joins.
_BLANKS = re.compile(r"[ \t\r\n\v\f]{2,}|[\t\r\n\v\f]")


def wrapped(text: str, indent: str = "", rest: str | None = None) -> str:
    """Return text folded to 72 columns; addresses and long words stay whole."""
    line = _BLANKS.sub(" ", text).strip(" ")
    if len(indent) + len(line) <= WIDTH:
        return f"{indent}{line}"
    return "\n".join(_folded(line, indent, indent if rest is None else rest))


def _folded(line: str, indent: str, rest: str) -> Iterator[str]:
    # The standard library's textwrap does the same in ten times the time.
    first, *words = line.split(" ")
    line = indent + first
    for word in words:
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = rest + word
        else:
            line = f"{line} {word}"
    yield line


def aligned(names: Sequence[str]) -> list[str]:
    """Return names with blanks behind them, so that what follows begins in one column."""
    width = max(map(len, names)) + 2
    return [name.ljust(width) for name in names]
