"""What the simulated arXiv knows of a paper at a moment, and the lines of an announcement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    affiliation: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    submitted: datetime
    kilobytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A paper as it is from one change to the next; texts without the line breaks that the wire has.

    ``changed`` is the moment of the change, ``in_oai`` and ``in_api`` from when the interfaces tell of it.
    """

    id: str
    versions: tuple[Version, ...]
    title: str
    abstract: str
    authors: tuple[Author, ...]
    categories: tuple[str, ...]
    changed: datetime
    in_oai: datetime
    in_api: datetime
    license: str = "http://creativecommons.org/licenses/by/4.0/"
    comments: str = ""
    journal_ref: str = ""
    doi: str = ""
    deleted: bool = False

    @property
    def primary(self) -> str:
        return self.categories[0]

    @property
    def version(self) -> int:
        return self.versions[-1].number

    @property
    def datestamp(self) -> date:
        return self.changed.date()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(author.name for author in self.authors)

    @property
    def creator(self) -> str:
        """All authors in one text: affiliations in parentheses, a colon behind a collaboration."""
        parts = [f"{one.name} ({one.affiliation})" if one.affiliation else one.name for one in self.authors]
        if self.authors[0].name.endswith("Collaboration") and len(parts) > 1:
            return f"{parts[0]}: {', '.join(parts[1:])}"
        return ", ".join(parts)

    @property
    def wrapped_title(self) -> str:
        return self.title.replace(": ", ":\n  ", 1)

    @property
    def wrapped_abstract(self) -> str:
        return self.abstract.replace(". ", ".\n")


@dataclass(frozen=True, slots=True)
class Line:
    """One action of an announcement day; ``added`` are the categories it brought the paper to."""

    action: Literal["new", "cross", "replace"]
    paper: State
    added: tuple[str, ...] = ()
