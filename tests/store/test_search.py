"""Papers by their words: what matches, in which order, and that no text is an error."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database as SqliteDatabase

from digestbot.models import Paper
from digestbot.store import Store, Within
from digestbot.store.query import forms, parse
from digestbot.store.schema import APPLICATION_ID, migrations
from tests.factories import DAY, NOW, described, new_store, paper
from tests.store.scenes import LATER

HOSTILE = [
    '"',
    '"""',
    'un"balanced',
    "NEAR(",
    "NEAR(sparse retrieval, 2)",
    "AND",
    "OR OR",
    "sparse AND",
    "NOT",
    "^sparse",
    "title:",
    "{title abstract} : sparse",
    "- -",
    "-",
    "author:",
    'category:""',
    "*",
    '"" *',
    "sparse + retrieval",
    "a\0b",
    "\0",
    "\ud800sparse",
    "¦",
    "author:¦",
    "'; drop table papers; --",
    "\U0001f600 -sparse",
    "\U00016f45 -sparse",
    "(" * 500,
    "x" * 100_000,
    " ".join(f"word{number}" for number in range(10_000)),
    '"' + " ".join(f"word{number}" for number in range(10_000)) + '"',
    " ".join(f"-word{number}*" for number in range(10_000)),
]


def found(store: Store, text: str, **within: Any) -> list[str]:
    """Return the titles that a query gives."""
    return [one.title for one in store.search.matching(parse(text), within=Within(**within), limit=50)]


def owl(number: int = 1, **changes: Any) -> Paper:
    return paper(number, **{"title": "Owls at night", "abstract": "They see."} | changes)


def in_step(store: Store) -> None:
    """Compare the index with the papers: SQLite raises an error when one says what the other does not."""
    with store.database.write() as connection:
        connection.execute("insert into paper_search (paper_search) values ('integrity-check')")
        numbered = connection.execute("select paper_id from paper_numbers order by 1").fetchall()
        papers = connection.execute("select id from papers order by 1").fetchall()
    assert [tuple(row) for row in numbered] == [tuple(row) for row in papers]


# What matches


@pytest.mark.parametrize(
    "text",
    [
        "gödel robots",
        "godel ROBOT",
        "robot godel",
        '"robots learn"',
        "“robots learn”",
        "self-supervised",
        "supervise*",
        '"self super"*',
        "author:quill",
        "AUTHOR:zoë",
        'author:"zoe quill"',
        'author:"Quill, Zoë"',
        "author:vane robots",
        "category:cs.CL",
        "category:CS",
        "category:q-bio.NC",
        "robots -dense",
        'robots -"learn robots"',
        "robots -author:nobody",
        "robots -category:math",
        "-dense",
        "categories",
        'unbalanced "robots',
    ],
)
def test_a_query_matches(store: Store, text: str) -> None:
    one = paper(
        title="Gödel’s robots learn",
        abstract="A self-supervised category, unbalanced.",
        authors=("Zoë Quill", "Bela Vane"),
        categories=("cs.CL", "q-bio.NC"),
    )
    store.papers.add([one], NOW)
    assert found(store, text) == [one.title]


@pytest.mark.parametrize(
    "text",
    [
        "robots missing",
        '"learn robots"',
        '"robot learns"',
        "author:robots",
        # A phrase does not reach from one author into the next.
        'author:"quill bela"',
        "author:cs",
        "category:CL",
        "category:robots",
        'category:"cl q"',
        "robots -learns",
        "robots -author:quill",
        "robots -category:cs.CL",
        "robots -lea*",
        "-robots",
        "rob",
        "...",
    ],
)
def test_a_query_does_not_match(store: Store, text: str) -> None:
    one = paper(
        title="Robots learn",
        abstract="",
        authors=("Zoë Quill", "Bela Vane"),
        categories=("cs.CL", "q-bio.NC"),
    )
    store.papers.add([one], NOW)
    assert found(store, text) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("robot", "robots"),
        ("category", "categories"),
        ("box", "boxes"),
        ("cache", "caches"),
        ("loss", "losses"),
        ("batch", "batches"),
        ("key", "keys"),
    ],
)
def test_singular_and_plural_find_each_other(one: str, two: str) -> None:
    assert two in forms(one)
    assert one in forms(two)


@pytest.mark.parametrize("word", ["is", "bus", "analysis", "c", "2025", "gpt4"])
def test_what_has_no_other_number_stays_as_it_is(word: str) -> None:
    assert forms(word) == (word,)


def test_days_and_categories_bound_what_is_found(store: Store) -> None:
    store.papers.add(
        [
            owl(1, title="Owls of May", announced=DAY - timedelta(days=3), categories=("cs.CL",)),
            owl(2, title="Owls of today", announced=DAY, categories=("math.CO", "cs.IR")),
        ],
        NOW,
    )
    assert found(store, "owls", since=DAY) == ["Owls of today"]
    assert found(store, "owls", until=DAY - timedelta(days=1)) == ["Owls of May"]
    assert len(found(store, "owls", since=DAY - timedelta(days=3), until=DAY)) == 2
    assert found(store, "owls", categories=("cs.cl",)) == ["Owls of May"]
    assert len(found(store, "owls", categories=("cs.CL", "math"))) == 2
    assert found(store, "-night", categories=("cs.IR",)) == ["Owls of today"]
    assert found(store, "owls", categories=("...",)) == []


# In which order


def test_a_title_says_more_than_an_abstract(store: Store) -> None:
    store.papers.add(
        [owl(1, title="Birds", abstract="Some owls see."), owl(2, title="Owls", abstract="They see.")], NOW
    )
    assert found(store, "owls") == ["Owls", "Birds"]


def test_what_matches_as_well_comes_newest_first_then_by_id(store: Store) -> None:
    store.papers.add(
        [owl(3, announced=DAY), owl(2, announced=DAY), owl(1, announced=DAY - timedelta(days=1))],
        NOW,
    )
    for text in ("owls", "category:cs.IR", "-dense"):
        matching = store.search.matching(parse(text), within=Within(), limit=2)
        assert [one.id[-1] for one in matching] == ["2", "3"], text


def test_sharing_gives_first_what_has_more_and_rarer_terms(store: Store) -> None:
    store.papers.add([owl(number, title=f"Owls {number}") for number in range(2, 8)], NOW)
    store.papers.add([owl(1, title="Owls and mice"), owl(9, title="Nothing of it", abstract="")], NOW)
    shared = store.search.sharing(["owls", "mice", "night train", "(", ""], within=Within(), limit=3)
    assert [one.title for one in shared] == ["Owls and mice", "Owls 2", "Owls 3"]
    assert store.search.sharing(["(", ""], within=Within(), limit=3) == []


# The index follows the papers


def test_a_paper_whose_text_changes_is_found_by_the_new_one_alone(store: Store) -> None:
    store.papers.add([owl()], NOW)
    store.papers.add([owl(title="Mice at night", authors=("Cy Rill",), categories=("math.CO",))], LATER)
    assert found(store, "owls") == found(store, "author:quill") == found(store, "category:cs.IR") == []
    assert found(store, "mice author:rill category:math.CO night") == ["Mice at night"]
    in_step(store)


def test_papers_that_become_one_are_found_once(store: Store) -> None:
    work = described()
    store.papers.add([work["doi"], work["feed"]], NOW)
    assert len(found(store, "index forgets")) == 2
    in_step(store)
    store.papers.add([work["hub"], work["arxiv"]], LATER)
    [one] = store.search.matching(parse("index forgets author:vane"), within=Within(), limit=9)
    assert one.id == work["arxiv"].id
    in_step(store)


def test_a_load_that_fails_leaves_nothing_in_the_index(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.papers.add([owl(1), owl(2, title="")], NOW)
    assert found(store, "owls") == []
    in_step(store)


def test_a_paper_that_goes_is_found_no_more(store: Store) -> None:
    store.papers.add([owl(1), owl(2, title="Owls by day")], NOW)
    with store.database.write() as connection:
        connection.execute("delete from papers where id = ?", (owl(1).id,))
    assert found(store, "owls") == ["Owls by day"]
    in_step(store)


def test_a_database_that_is_packed_anew_finds_the_same(store: Store) -> None:
    store.papers.add([owl(number, title=f"Owls number{number}") for number in range(1, 6)], NOW)
    with store.database.write() as connection:
        connection.execute("delete from papers where id = ?", (owl(2).id,))
    store.database.connection.execute("vacuum")
    assert found(store, "number4") == ["Owls number4"]
    in_step(store)


def test_papers_of_an_older_database_are_found(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode = wal")
        migrations.apply(SqliteDatabase(connection), stop_before="m004_words_of_papers")
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(
            "insert into papers (id, title, abstract, authors, categories, announced, url, pdf_url, doi, comment,"
            " upvotes, revision, loaded_at) values ('x:1', 'Owls', '', '[\"Ada Quill\", \"Bela Vane\"]', '[\"cs.IR\"]',"
            " '2025-05-27', '', '', '', '', 0, 1, '2025-05-27T08:00:00.000000Z')"
        )
    with closing(new_store(path)) as store:
        assert found(store, "owl author:vane category:cs.IR") == ["Owls"]
        in_step(store)


# No text is an error


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_syntax_is_text(store: Store, text: str) -> None:
    store.papers.add([paper()], NOW)
    assert found(store, text) in ([], [paper().title])


def test_operators_are_words(store: Store) -> None:
    store.papers.add(
        [owl(1, title="Owls near mice"), owl(2, title="Owls and mice"), owl(3, title="Owls not mice")], NOW
    )
    assert found(store, "owls AND mice") == ["Owls and mice"]
    assert found(store, "NOT mice") == ["Owls not mice"]
    assert found(store, "NEAR(mice owls)") == ["Owls near mice"]
    assert found(store, "title:owls") == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(st.characters()), st.from_regex(r'(-?(author:|category:)?["a*¦\x00 ()^:+-]{1,4} ?){1,9}')))
def test_any_text_is_a_query(store: Store, text: str) -> None:
    store.papers.add([paper()], NOW)
    assert len(found(store, text)) <= 1
    store.papers.get(parse(text).ids)


@given(st.text(st.characters()))
def test_parts_hold_nothing_but_letters_and_digits(text: str) -> None:
    assert all(word.isalnum() for part in parse(text).parts for word in part.words)


# Ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("arxiv:2505.00001", ("arxiv:2505.00001",)),
        ("arXiv: 2505.00001v3", ("arxiv:2505.00001",)),
        ("see https://arxiv.org/abs/2505.00001", ("arxiv:2505.00001",)),
        ("https://doi.org/10.5555/One", ("doi:10.5555/one",)),
        ("feed:31", ("feed:31",)),
        ("sparse retrieval", ()),
        ("a:\0 b:\ud800", ()),
    ],
)
def test_ids_and_addresses_are_recognised(text: str, ids: tuple[str, ...]) -> None:
    assert parse(text).ids == ids


def test_a_paper_is_found_by_what_it_is_known_by_once(store: Store) -> None:
    work = described()
    store.papers.add([work["feed"], work["arxiv"], owl(5, doi="10.5555/proceedings")], NOW)
    names = [work["feed"].id, "doi:10.5555/proceedings", "doi:10.5555/1", work["arxiv"].id, "arxiv:2505.00099"]
    assert [one.id for one in store.search.named(names)] == [work["arxiv"].id, owl(5).id]
    assert store.search.named(["title:%", "%", "x"]) == []


def test_a_doi_of_several_papers_names_them_all(store: Store) -> None:
    shared = "10.5555/proceedings"
    store.papers.add([owl(2, title="Owls by day", doi=shared), owl(1, doi=shared)], NOW)
    assert [one.id for one in store.search.named([f"doi:{shared}"])] == [owl(1).id, owl(2).id]


def test_what_is_looked_for_is_the_words_as_typed() -> None:
    query = parse('Self-supervised "large models" -dense author:quill transf*')
    assert query.text == "Self-supervised large models"
