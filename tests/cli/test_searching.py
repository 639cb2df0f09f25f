"""``search`` and ``similar``, for people and for programs."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli, entry


@pytest.fixture
def library(cli: Cli) -> Cli:
    """An installation with papers of three subjects."""
    cli.load(
        entry(
            1, title="Owls hunt mice", abstract="Barn owls hunt mice in the dark.", authors=["Ada Quill", "Bela Vane"]
        ),
        entry(2, title="Mice flee", abstract="Mice hear barn owls in the dark.", authors=list("ABCDE")),
        entry(3, title="Grippers learn force", abstract="Robot grippers learn contact force.", categories=["math.CO"]),
        entry(5, title="Grippers slip", abstract="Contact force of robot grippers.", url="https://x.org/5"),
    )
    return cli


def found(cli: Cli, *arguments: str) -> list[str]:
    return [one["id"][-1] for one in cli.json(*arguments)]


def test_search_gives_papers_as_json(library: Cli) -> None:
    [one] = library.json("search", "slip")
    assert 0 < one.pop("score") < 1
    assert one == {
        "id": "arxiv:2505.00005",
        "title": "Grippers slip",
        "authors": [],
        "categories": ["cs.RO"],
        "announced": "2025-05-26",
        "url": "https://x.org/5",
    }


def test_words_stand_alone_or_in_one_argument(library: Cli) -> None:
    assert found(library, "search", "owls", "hunting") == []
    assert found(library, "search", "owls", "hunt") == found(library, "search", "hunt owls") == ["1"]
    assert found(library, "search", "owls -flee") == ["1"]
    excluded = library("search", "--json", "--", "owls", "-flee").out
    assert [one["id"] for one in json.loads(excluded)] == ["arxiv:2505.00001"]
    assert found(library, "search", '"hear barn owls"') == ["2"]


def test_search_keeps_to_days_categories_and_the_limit(library: Cli) -> None:
    assert found(library, "search", "mice", "--since", "2025-05-27") == ["2"]
    assert found(library, "search", "mice", "--until", "2025-05-26") == ["1"]
    assert found(library, "search", "grippers", "--category", "math.CO") == ["3"]
    assert sorted(found(library, "search", "grippers", "--category", "math.CO", "--category", "cs")) == ["3", "5"]
    assert len(found(library, "search", "grippers", "--limit", "1")) == 1


def test_search_shows_a_table(library: Cli) -> None:
    shown = library("search", "mice").out
    assert "A, B, C +2" in shown
    assert "Ada Quill, Bela Vane " in shown
    assert "arxiv:2505.00001" in shown
    assert "2025-05-26" in shown


def test_nothing_found_is_said_and_no_error(library: Cli) -> None:
    result = library("search", "quetzal")
    assert (result.raw, result.err) == (b"", "no paper matches quetzal\n")
    assert library("search", "quetzal\x1b[31m").err == "no paper matches quetzal [31m\n"
    assert library.json("search", "quetzal") == []
    assert library.json("search", 'NEAR(" OR ^') == []


@pytest.mark.parametrize("query", [[], [""], ["  ", " "]])
def test_an_empty_query_says_what_to_do(library: Cli, query: list[str]) -> None:
    assert "name some words, for example: digestbot search" in library("search", *query, code=2).err


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "owls", "--since", "yesterday"],
        ["search", "owls", "--until", "2025-13-01"],
        ["search", "owls", "--limit", "0"],
        ["similar", "arxiv:2505.00001", "--since", "20250501"],
        ["similar"],
    ],
)
def test_wrong_options_are_said(library: Cli, arguments: list[str]) -> None:
    library(*arguments, code=2)


def test_similar_says_what_both_papers_speak_of(library: Cli) -> None:
    [other] = library.json("similar", "https://arxiv.org/abs/2505.00001v2")
    assert (other["id"], other["announced"]) == ("arxiv:2505.00002", "2025-05-27")
    assert "mice" in other["terms"]
    assert 0 < other["score"] < 1
    shown = library("similar", "arxiv:2505.00001").out
    assert "both speak of" in shown
    assert "Mice flee" in shown
    assert "Owls hunt mice" not in shown


def test_a_paper_that_resembles_none_is_said(library: Cli) -> None:
    result = library("similar", "arxiv:2505.00001", "--since", "2025-05-28")
    assert (result.raw, result.err) == (b"", "no paper resembles arxiv:2505.00001\n")
    assert library.json("similar", "arxiv:2505.00001", "--since", "2025-05-28") == []


def test_similar_to_an_unknown_paper_could_not_be_done(library: Cli) -> None:
    assert "arxiv:2505.00099: there is no such paper here" in library("similar", "2505.00099", code=1).err


def test_an_empty_installation_finds_nothing(cli: Cli) -> None:
    assert cli.json("search", "owls") == []
    cli("similar", "arxiv:2505.00001", code=1)
