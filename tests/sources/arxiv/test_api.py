"""arXiv's API: single papers by their ids, and ``rate`` for one that was never loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.errors import SourceError, SourceFormatError, SourceUnavailableError
from digestbot.models import Paper, PaperId
from digestbot.sources.arxiv import ArxivApi
from digestbot.sources.arxiv.api import parse_entries
from tests.cli.conftest import Cli
from tests.factories import new_store
from tests.fakes.arxiv import Arxiv, entry_without_id, entry_without_title, no_entries, short_page
from tests.fakes.server import Answer, cut_off, empty, maintenance, too_many_requests, unavailable, xml_bomb
from tests.sources.arxiv.conftest import Installation, eastern

WEDNESDAY = date(2026, 6, 10)
NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
    ' xmlns:arxiv="http://arxiv.org/schemas/atom"'
)


def entry(identifier: str = "http://arxiv.org/abs/2606.00001v2", more: str = "", **changes: str) -> str:
    values = {
        "title": "<title>Owls:\n  at dusk</title>",
        "published": "<published>2026-06-09T16:30:00Z</published>",
        "summary": "<summary>  We watch owls.\nThey watch us.\n</summary>",
        "category": '<category term="stat.ML"/><category term="cs.LG"/><category term="68T50; 62H30"/>',
        "primary": '<arxiv:primary_category term="cs.LG"/>',
        "author": "<author><name>Ada Quill</name></author><author><name> Bela\n Vane </name></author><author/>",
    } | changes
    return f"<entry><id>{identifier}</id>{''.join(values.values())}{more}</entry>"


def feed(*entries: str, total: str | None = None) -> bytes:
    count = str(len(entries)) if total is None else total
    head = f"<opensearch:totalResults>{count}</opensearch:totalResults>" if count else ""
    return f"<feed {NAMESPACES}>{head}{''.join(entries)}</feed>".encode()


def test_an_entry_becomes_a_paper_of_the_day_that_followed_its_submission() -> None:
    more = "<arxiv:doi>10.5555/owl</arxiv:doi><arxiv:comment>12\n pages</arxiv:comment>"
    assert parse_entries(feed(entry(more=more))) == [
        Paper(
            id="arxiv:2606.00001",
            title="Owls: at dusk",
            abstract="We watch owls. They watch us.",
            authors=("Ada Quill", "Bela Vane"),
            categories=("cs.LG", "stat.ML"),
            announced=WEDNESDAY,
            url="https://arxiv.org/abs/2606.00001",
            doi="10.5555/owl",
            comment="12 pages",
        )
    ]


@pytest.mark.parametrize(
    "broken",
    [
        entry("abc"),
        entry(""),
        entry(title=""),
        entry(title="<title> </title>"),
        entry(published=""),
        entry(published="<published>soon</published>"),
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out(broken: str) -> None:
    found = parse_entries(feed(entry("2606.00007"), broken, entry("2606.00008")))
    assert [paper.id for paper in found] == ["arxiv:2606.00007", "arxiv:2606.00008"]


def test_a_feed_short_of_what_it_says_is_not_taken() -> None:
    with pytest.raises(SourceFormatError, match="found 3 papers and sends 1"):
        parse_entries(feed(entry(), total="3"))
    assert len(parse_entries(feed(entry(), total=""))) == 1
    assert parse_entries(feed()) == []


def test_an_id_that_arxiv_cannot_read_is_an_error_with_its_words() -> None:
    wrong = "<summary>incorrect id format for abc</summary>"
    with pytest.raises(SourceUnavailableError, match="incorrect id format for abc"):
        parse_entries(feed(entry("https://arxiv.org/api/errors#incorrect_id_format_for_abc", summary=wrong)))


@pytest.mark.parametrize(
    "body",
    [b"", b"Rate exceeded.", feed(entry())[:-30], b"<rss/>", maintenance(Answer()).body, xml_bomb(Answer()).body],
)
def test_what_is_no_feed_is_a_format_error(body: bytes) -> None:
    with pytest.raises(SourceFormatError) as caught:
        parse_entries(body)
    assert len(str(caught.value)) < 300


WHOLE = feed(entry(), entry("math/0309136v1"))
broken = st.builds(
    lambda cut, drop, put: WHOLE[:cut] + put + WHOLE[cut + drop :],
    st.integers(0, len(WHOLE)),
    st.integers(0, 9),
    st.binary(max_size=6),
)


@given(st.binary(max_size=100) | broken | st.text("0123456789٣-. ", max_size=9).map(lambda text: feed(total=text)))
@example(feed(total="9" * 5000))
@example(feed(entry(published="<published>9999-12-31T23:59:59-14:00</published>")))
def test_any_bytes_are_papers_or_an_error_of_ours(body: bytes) -> None:
    try:
        found = parse_entries(body)
    except SourceError:
        return
    assert all(paper.title and paper.id.startswith("arxiv:") for paper in found)


@pytest.fixture
def midweek(installation: Installation) -> Installation:
    installation.arxiv.world.now = eastern(WEDNESDAY)
    return installation


def papers(installation: Installation, ids: Sequence[PaperId]) -> dict[PaperId, Paper]:
    async def run() -> dict[PaperId, Paper]:
        client = installation.client()
        return await ArxivApi(client=client, url=installation.arxiv.api_url, pace=0.0).papers(ids)

    return asyncio.run(run())


def some(installation: Installation, count: int) -> list[PaperId]:
    return list(installation.announced(date(2026, 6, 1), WEDNESDAY))[:count]


def test_papers_come_by_id_in_one_request_as_they_are(midweek: Installation) -> None:
    ids = some(midweek, 20)
    found = papers(midweek, ids)
    assert len(midweek.arxiv.api.asked) == 1
    assert found.keys() == set(ids)
    for name, paper in found.items():
        state = midweek.arxiv.world.papers()[name]
        assert (paper.id, paper.title, paper.abstract) == (name, state.title, state.abstract)
        assert (paper.categories, paper.authors) == (state.categories, state.names)
        assert paper.announced <= midweek.announced(date(2026, 6, 1), WEDNESDAY)[name]


def test_more_papers_than_go_into_one_address_are_asked_for_in_parts(midweek: Installation) -> None:
    ids = some(midweek, 60) + [f"arxiv:2606.9{number:04}" for number in range(60)]
    assert papers(midweek, ids).keys() == set(ids[:60])
    assert len(midweek.arxiv.api.asked) == 2


def test_unknown_and_deleted_papers_are_missing(midweek: Installation) -> None:
    deleted = [f"arxiv:{state.id}" for state in midweek.arxiv.world.view("api").values() if state.deleted]
    assert deleted
    (known,) = some(midweek, 1)
    assert papers(midweek, [*deleted[:3], known, "arxiv:2606.99999"]).keys() == {known}
    assert papers(midweek, []) == {}


@pytest.mark.parametrize("place", [0, 3, 7])
def test_an_id_that_arxiv_cannot_read_costs_no_other_paper(midweek: Installation, place: int) -> None:
    ids = some(midweek, 7)
    assert papers(midweek, [*ids[:place], "arxiv:abc", *ids[place:]]).keys() == set(ids)
    assert len(midweek.arxiv.api.asked) <= 7
    assert papers(midweek, ["arxiv:abc", "arxiv:def"]) == {}


def test_a_bad_id_is_not_asked_for_twice(midweek: Installation) -> None:
    midweek.patience = 2.0
    assert papers(midweek, ["arxiv:abc"]) == {}
    assert len(midweek.arxiv.api.asked) == 1


@pytest.mark.parametrize("fault", [short_page, no_entries, cut_off, empty, maintenance, xml_bomb, too_many_requests])
def test_after_a_fault_everything_is_there(midweek: Installation, fault: Any) -> None:
    ids = some(midweek, 6)
    midweek.arxiv.api.fail(fault)
    with pytest.raises(SourceError):
        papers(midweek, ids)
    midweek.arxiv.api.fail(fault)
    midweek.patience = 0.5
    assert papers(midweek, ids).keys() == set(ids)


@pytest.mark.parametrize("fault", [entry_without_id, entry_without_title])
def test_a_malformed_entry_is_the_only_one_that_is_missing(midweek: Installation, fault: Any) -> None:
    ids = some(midweek, 6)
    midweek.arxiv.api.fail(fault)
    assert len(papers(midweek, ids).keys() & set(ids)) == 5


@pytest.fixture
def rating(cli: Cli, midweek: Installation) -> Cli:
    """An installation with one subscriber and no papers, whose arXiv is the simulated one."""
    cli.configure(f'[sources]\npatience = 0.2\n[sources.arxiv]\napi_url = "{midweek.arxiv.api_url}"\npace = 0\n')
    cli("subscriber", "add", "ada@example.org", "--confirmed")
    return cli


def test_rating_a_paper_that_was_never_loaded_fetches_it(rating: Cli, midweek: Installation) -> None:
    (name,) = some(midweek, 1)
    number = name.removeprefix("arxiv:")
    assert f"likes {name}" in rating("rate", "ada@example.org", f"https://arxiv.org/abs/{number}v1", "like").out
    store = new_store(rating.folder / "digestbot.sqlite")
    assert store.papers.get([name])[name].title == midweek.arxiv.world.papers()[name].title
    store.close()
    rating("rate", "ada@example.org", name, "dislike")
    assert len(midweek.arxiv.api.asked) == 1


def test_rating_a_paper_that_arxiv_does_not_know_says_so(rating: Cli) -> None:
    said = rating("rate", "ada@example.org", "arxiv:2606.99999", "like", code=1).err
    assert "arxiv:2606.99999: arXiv knows no such paper" in said


@pytest.mark.parametrize("unknown", ["arxiv:abc", "arxiv:", "arxiv:x y", "arxiv:2606.00001,2606.00002", "9" * 300])
def test_what_is_no_id_of_arxiv_is_not_asked_for(rating: Cli, arxiv: Arxiv, unknown: str) -> None:
    assert unknown in rating("rate", "ada@example.org", unknown, "like", code=1).err
    assert arxiv.api.asked == []


def test_clearing_what_was_never_loaded_asks_nobody(rating: Cli, arxiv: Arxiv) -> None:
    rating("rate", "ada@example.org", "2606.00001", "clear", code=1)
    assert arxiv.api.asked == []


def test_rating_while_arxiv_does_not_answer_says_so_and_works_later(rating: Cli, midweek: Installation) -> None:
    (name,) = some(midweek, 1)
    midweek.arxiv.api.fail(*[unavailable()] * 20)
    assert "answered 503" in rating("rate", "ada@example.org", name, "like", code=1).err
    midweek.arxiv.api.faults.clear()
    rating("rate", "ada@example.org", name, "like")
