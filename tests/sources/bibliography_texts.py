"""Bibliographies written in a line, and what is read of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from digestbot.models import Paper
from digestbot.sources import Skipped, bibtex, csl, ris
from tests.factories import DAY

Parse: TypeAlias = Callable[..., Iterator[Paper | Skipped]]


def parsed(parse: Parse, content: str | bytes) -> list[Paper | Skipped]:
    return list(parse(content.encode() if isinstance(content, str) else content, name="x", default_day=DAY))


def papers(parse: Parse, content: str | bytes) -> list[Paper]:
    return [found for found in parsed(parse, content) if isinstance(found, Paper)]


def skipped(parse: Parse, content: str | bytes) -> list[tuple[str, str]]:
    return [(found.place, found.problem) for found in parsed(parse, content) if isinstance(found, Skipped)]


def entry(fields: str, head: str = "@article{key,") -> Paper:
    [paper] = papers(bibtex.parse, f"{head}\n title = {{Sparse Retrieval of Many Owls}},\n {fields}\n}}")
    return paper


def record(*lines: str) -> Paper:
    [paper] = papers(ris.parse, "\n".join(["TY  - JOUR", "TI  - Sparse Retrieval of Many Owls", *lines, "ER  - "]))
    return paper


def item(**fields: Any) -> Paper:
    [paper] = papers(csl.parse, json.dumps([{"id": "k", "title": "Sparse Retrieval of Many Owls"} | fields]))
    return paper
