"""``search`` and ``similar``: papers by words, and papers that resemble one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from digestbot.cli.installation import Installation
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import parse_day, utc_now
from digestbot.errors import UsageError

if TYPE_CHECKING:
    from digestbot.pipeline.find import Finder, Found

_SHOWN_AUTHORS = 3

_limit = click.option("--limit", metavar="N", type=click.IntRange(1, 1000), default=10, show_default=True)
_since = click.option("--since", metavar="DATE", help="Only papers announced on this day (YYYY-MM-DD) or later.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("query", nargs=-1)
@_limit
@_since
@click.option("--until", metavar="DATE", help="Only papers announced on this day (YYYY-MM-DD) or earlier.")
@click.option("--category", "categories", metavar="C", multiple=True, help="Only papers of this category; repeatable.")
@_json
@click.pass_obj
def search(
    program: Program,
    query: tuple[str, ...],
    limit: int,
    since: str | None,
    until: str | None,
    categories: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find papers by words that must all be there, best first.

    Also '"a phrase"', author:quill, author:"Ada Quill", category:cs.CL, transf* (any ending), an id, address or DOI;
    '-word' excludes: put the query in quotation marks, or -- in front of it.
    """
    from digestbot.store import Within

    text = " ".join(query)
    if not text.strip():
        raise UsageError(
            "there is nothing to look for; name some words, for example: digestbot search sparse retrieval"
        )
    within = Within(since=parse_day("--since", since), until=parse_day("--until", until), categories=categories)
    with program.installation() as installation:
        found = _finder(installation).search(text, limit=limit, within=within)
    if as_json:
        show_json([_value(one) for one in found])
    elif found:
        _show(found)
    else:
        click.echo(f"no paper matches {printable(text)}", err=True)


@click.command()
@click.argument("paper")
@_limit
@_since
@_json
@click.pass_obj
def similar(program: Program, paper: str, limit: int, since: str | None, as_json: bool) -> None:
    """Find papers that resemble PAPER (an id such as arxiv:2505.18405, its address or DOI), the nearest first."""
    from digestbot.store import Within

    within = Within(since=parse_day("--since", since))
    with program.installation() as installation:
        found = _finder(installation).similar(paper, limit=limit, within=within)
    if as_json:
        show_json([_value(one) | {"terms": list(one.terms)} for one in found])
    elif found:
        _show(found, ("both speak of", lambda one: ", ".join(one.terms)))
    else:
        click.echo(f"no paper resembles {printable(paper)}", err=True)


def _finder(installation: Installation) -> Finder:
    from digestbot.pipeline.find import Finder

    fitter, now = installation.fitter, utc_now()
    return Finder(installation.store.search, lambda: fitter.current(now))


def _show(found: Sequence[Found], *more: tuple[str, Callable[[Found], str]]) -> None:
    names = [name for name, _ in more]
    show_table(
        ["", "title", "authors", *names, "category", "day", "id"],
        [
            (
                number,
                one.paper.title,
                _first(one.paper.authors),
                *(show(one) for _, show in more),
                one.paper.categories[0] if one.paper.categories else "",
                one.paper.announced,
                one.paper.id,
            )
            for number, one in enumerate(found, 1)
        ],
        wraps=["title", "authors", *names],
    )


def _first(authors: Sequence[str]) -> str:
    """Return the first authors, and how many more there are."""
    shown = ", ".join(authors[:_SHOWN_AUTHORS])
    return f"{shown} +{len(authors) - _SHOWN_AUTHORS}" if len(authors) > _SHOWN_AUTHORS else shown


def _value(one: Found) -> dict[str, Any]:
    paper = one.paper
    return {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "categories": list(paper.categories),
        "announced": paper.announced.isoformat(),
        "url": paper.url,
        "score": one.score,
    }
