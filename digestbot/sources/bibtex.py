"""Papers from BibTeX and BibLaTeX, as people and programs really write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.bibliographies import (
    MAX_ENTRIES,
    MAX_ENTRY,
    TOO_MANY,
    Reference,
    check_size_and_encoding,
    papers,
    text_of,
)
from digestbot.sources.bibtex_blocks import HEAD, Block, blocks
from digestbot.sources.latex import plain_address, plain_text

_TYPES = (
    "article|book|booklet|conference|electronic|inbook|incollection|inproceedings|manual|mastersthesis|misc|online"
    "|phdthesis|preprint|proceedings|report|techreport|thesis|unpublished"
)
_BROKEN_HEAD = re.compile(rf"^([ \t]{{0,20}})\\({_TYPES})[ \t]{{0,20}}(?=\{{)", re.IGNORECASE | re.MULTILINE)
_PIECE = re.compile(r"[{\"#=]|[^\s{}\"#=,]+")
# What may end a group, by the mark that opens it.
_CLOSING = {"{": re.compile(r"(?<!\\)[{}]"), '"': re.compile(r"(?<!\\)[{}\"]")}
# Words, and what styles and programs keep for themselves.
_NO_PAPERS = frozenset(("string", "comment", "preamble", "control", "set", "xdata"))
_MAX_STRING = 10_000
_HINTS = ("number", "journal", "journaltitle", "volume", "eid", "pages", "howpublished", "publisher", "url")


def parse(content: bytes, *, name: str, default_day: date) -> Iterator[Paper | Skipped]:
    """Parse a bibliography; an entry that is broken is skipped with its line, the rest is taken."""
    text = text_of(content)
    text = _BROKEN_HEAD.sub(r"\1@\2", text)
    heads = sum(1 for _ in HEAD.finditer(text))
    if text.strip() and not heads:
        raise SourceFormatError(f"{name}: is no BibTeX: no entry such as @article{{...}} is in it")
    if heads > MAX_ENTRIES:
        raise SourceFormatError(f"{name}: {TOO_MANY}")
    found = list(blocks(text))
    strings: dict[str, str] = {}
    for block in found:
        if block.kind == "string":
            strings |= {key: value[:_MAX_STRING] for key, value in _fields(block.body, strings).items()}
    entries = (
        (f"{name}, line {block.line}", block) for block in found if block.problem or block.kind not in _NO_PAPERS
    )
    return papers(entries, lambda block: _reference(block, strings), default_day=default_day)


def _reference(entry: Block, strings: Mapping[str, str]) -> Reference:
    if entry.problem:
        raise SourceFormatError(f"not BibTeX: {entry.problem}")
    check_size_and_encoding(entry.body)
    fields = _fields(entry.body, strings)
    title, subtitle = fields.get("title", ""), fields.get("subtitle", "")
    eprint, _, classes = fields.get("eprint", "").partition("[")
    journal = fields.get("journal", "") or fields.get("journaltitle", "")
    hints = [fields.get(key, "") for key in _HINTS]
    return Reference(
        title=plain_text(f"{title}: {subtitle}" if subtitle else title),
        abstract=plain_text(fields.get("abstract", "")),
        authors=[plain_text(name) for name in _names(fields.get("author", ""))],
        eprint=_eprint(eprint, fields),
        doi=plain_address(fields.get("doi", "")),
        url=plain_address(fields.get("url", "")),
        # A journal "arXiv" has the number beside it.
        hints=[plain_address(text) for text in (*hints, f"{journal} {fields.get('number', '')}")],
        notes=[plain_address(fields.get(key, "")) for key in ("note", "annote", "addendum")],
        dates=(fields.get("date", ""), "-".join(fields.get(part, "") for part in ("year", "month", "day"))),
        categories=[*_class_of(fields).split(), *re.split(r"[,\s\]]+", classes)],
    )


def _eprint(eprint: str, fields: Mapping[str, str]) -> str:
    """Return the arXiv id that stands by itself, empty when it is another archive's."""
    archive = plain_address(fields.get("eprinttype", "") or fields.get("archiveprefix", "")).lower()
    if archive not in ("", "arxiv"):
        return ""
    eprint = plain_address(eprint)
    # Before 2007 the archive was part of the id; some programs write it beside it.
    return f"{_class_of(fields).partition('.')[0]}/{eprint}" if re.fullmatch(r"\d{7}", eprint) else eprint


def _class_of(fields: Mapping[str, str]) -> str:
    return plain_address(fields.get("primaryclass", "") or fields.get("eprintclass", ""))


def _names(people: str) -> Iterator[str]:
    """Yield the names that ``and`` parts; one within braces is part of a name."""
    people = " ".join(people.split())
    depth = start = 0
    for mark in re.finditer(r"(?<!\\)[{}]| and ", people):
        if mark[0] == " and " and depth == 0:
            yield _name(people[start : mark.start()])
            start = mark.end()
        elif mark[0] != " and ":
            depth = max(0, depth + (1 if mark[0] == "{" else -1))
    if people[start:] != "others":
        yield _name(people[start:])


def _name(name: str) -> str:
    """Return a name; BibLaTeX may write ``family=Quill, given=Ada, prefix=van``."""
    parts = {key.strip(): value.strip() for key, _, value in (part.partition("=") for part in name.split(","))}
    if "family" not in parts:
        return name
    return " ".join(part for key in ("given", "prefix", "family", "suffix") if (part := parts.get(key, "")))


def _fields(body: str, strings: Mapping[str, str]) -> dict[str, str]:
    """Return the fields with their values: strings put in, parts joined, enclosing braces or quotes gone.

    A word before ``=`` begins a field, whether a comma stands before it or not; what stands before the first is the
    entry's key. Of a field that stands twice the first counts.
    """
    fields: dict[str, str] = {}
    key, pieces = "", list[_Piece]()
    for piece in (*_pieces(body), _Piece("", ""), _Piece("=", "=")):
        if piece.mark == "=" and pieces and pieces[-1].mark == "":
            next_key = pieces.pop().text
            fields[key] = fields.get(key) or _joined(pieces, strings)
            key, pieces = next_key.lower(), []
        else:
            pieces.append(piece)
    return fields


class _Piece(NamedTuple):
    """A part of a value: what braces or quotes enclose, a sign, or with no mark a bare word."""

    mark: str
    text: str


def _pieces(value: str) -> Iterator[_Piece]:
    position = 0
    while found := _PIECE.search(value, position):
        mark = found[0]
        if mark in _CLOSING:
            end = _end_of_group(value, found.end(), mark)
            yield _Piece(mark, value[found.end() : end])
            position = end + 1
        else:
            yield _Piece(mark, mark) if mark in "#=" else _Piece("", mark)
            position = found.end()


def _end_of_group(value: str, start: int, opened: str) -> int:
    """Return where the group that was opened before ``start`` closes; the end of the value where it never does."""
    closed = value.find("}", start)
    if opened == "{" and closed > 0 and value[closed - 1] != "\\" and value.find("{", start, closed) < 0:
        # Most values hold no groups.
        return closed
    depth = 0
    for mark in _CLOSING[opened].finditer(value, start):
        if mark[0] == "{":
            depth += 1
        elif mark[0] == "}" and (depth or opened == '"'):
            depth = max(0, depth - 1)
        elif depth == 0:
            return mark.start()
    return len(value)


def _joined(pieces: Iterable[_Piece], strings: Mapping[str, str]) -> str:
    value, glue, size = [], "", 0
    for piece in pieces:
        if piece.mark == "#":
            glue = ""
            continue
        text = piece.text if piece.mark else strings.get(piece.text.lower(), piece.text)
        value += [glue, text]
        glue, size = " ", size + len(text)
        # Strings made of strings grow without end.
        if size > MAX_ENTRY:
            break
    return "".join(value)
