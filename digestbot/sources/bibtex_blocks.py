"""The blocks of a BibTeX file: what begins with ``@article{`` and ends where that closes. Pure.

Cut here and not with bibtexparser, which stops at every comma and line of an abstract: that took most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = re.compile(r"@(\w{0,40})[ \t]{0,20}([{(])")
# What opens and closes, and a block that begins on a line of its own, by the sign that opened the block. Each choice
# begins with a sign of its own: the search skips what is none of them.
_NEXT = r"|\n[ \t]{0,20}(?=@\w{0,40}[ \t]{0,20}[{(])"
_MARK = {
    "{": re.compile(r"[{}](?<!\\.)" + _NEXT),
    "(": re.compile(r"[{}\")](?<!\\.)" + _NEXT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block and the line of its head; ``problem`` is why its end was not found, empty where it was."""

    kind: str
    body: str
    line: int
    problem: str = ""


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks; one that never closes ends where the next begins on a line of its own."""
    position, line, counted = 0, 1, 0
    while head := HEAD.search(text, position):
        end, problem = _end(text, head.end(), head[2])
        line, counted = line + text.count("\n", counted, head.start()), head.start()
        yield Block(kind=head[1].lower(), body=text[head.end() : end], line=line, problem=problem)
        position = end


def _end(text: str, start: int, opened: str) -> tuple[int, str]:
    """Return where the block closes whose inside begins at ``start``, else where it is given up, and why."""
    depth, quoted = 0, False
    for mark in _MARK[opened].finditer(text, start):
        match mark[0]:
            case "{":
                depth += 1
            case "}" if depth > 0:
                depth -= 1
            case "}" if opened == "{":
                return mark.start(), ""
            case '"' if depth == 0:
                quoted = not quoted
            case ")" if depth == 0 and not quoted:
                return mark.start(), ""
            case "}" | '"' | ")":
                pass
            case _:
                return mark.end(), "the next entry begins before this one is closed"
    return len(text), "the file ends before this entry is closed"
