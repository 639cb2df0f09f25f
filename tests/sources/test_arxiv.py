"""arXiv's announcement feed, parsed, and fetched from a real server."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.models import Paper
from digestbot.sources import Batch
from digestbot.sources.arxiv import ArxivSource, feed_title, parse_feed, split_authors
from digestbot.sources.client import Client
from tests.factories import DAY
from tests.sources.conftest import Site

FEED = (Path(__file__).parents[1] / "data" / "arxiv-feed.xml").read_bytes()
HEAD = (
    "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:arxiv='http://arxiv.org/schemas/atom'"
    " xmlns:dc='http://purl.org/dc/elements/1.1/'>"
)
WEEKEND = f"<?xml version='1.0'?>{HEAD}<title>cs.IR updates on arXiv.org</title></feed>".encode()
ERROR = (
    f"{HEAD}<title>Feed error for query: cs.XY</title>"
    "<subtitle>Bad archive 'cs.XY'. Valid archives are: ...</subtitle></feed>"
).encode()
BOMB = (
    b'<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>"
    + HEAD.encode()
    + b"<title>&j;</title></feed>"
)


def entry(identifier: str = "oai:arXiv.org:2505.00001v1", more: str = "", title: str = "Owl") -> bytes:
    return f"{HEAD}<entry><id>{identifier}</id><title>{title}</title>{more}</entry></feed>".encode()


def only(body: bytes) -> Paper:
    (paper,) = parse_feed(body, today=DAY).papers
    return paper


def skipped(body: bytes) -> str:
    batch = parse_feed(body, today=DAY)
    assert not batch.papers
    assert not batch.replacements
    (skip,) = batch.skipped
    assert skip.place == "arxiv feed, entry 1"
    return skip.problem


def test_new_papers_and_cross_lists_are_announced_and_replacements_are_not() -> None:
    batch = parse_feed(FEED, today=DAY)
    assert [paper.id for paper in batch.papers] == [
        "arxiv:2505.20130",
        "arxiv:2505.02130",
        "arxiv:2505.20131",
        "arxiv:2505.20132",
    ]
    assert [paper.id for paper in batch.replacements] == ["arxiv:2504.11111", "arxiv:math/0309136"]


def test_an_entry_becomes_a_paper_as_its_feed_describes_it() -> None:
    assert parse_feed(FEED, today=DAY).papers[0] == Paper(
        id="arxiv:2505.20130",
        title="Owl: sparse retrieval that names its terms",
        abstract=(
            "Sparse vectors are quick to search. We show which terms carry a match,"
            " and that readers trust a list more when it says so."
        ),
        authors=("Ada Quill", "Bela Vane"),
        categories=("cs.IR", "cs.CL"),
        announced=date(2025, 5, 27),
        url="https://arxiv.org/abs/2505.20130",
        doi="10.1000/owl.2025.1",
    )


def test_entities_line_breaks_and_empty_abstracts_are_read() -> None:
    _, clicks, birds, notes = parse_feed(FEED, today=DAY).papers
    assert clicks.title == "Ranking with few clicks & many papers: when $k < 10$"
    assert birds.title == "A study of owls and wrens"
    assert notes.abstract == ""


def test_affiliations_are_no_authors() -> None:
    clicks = parse_feed(FEED, today=DAY).papers[1]
    assert clicks.authors == ("Cyra O'Dell", "Désiré Lindqvist", "Emre T. Vale III")


@pytest.mark.parametrize(
    ("creator", "names"),
    [
        ("", ()),
        (" , ,", ()),
        ("Ada Quill", ("Ada Quill",)),
        ("Ada\n Quill,Bela Vane", ("Ada Quill", "Bela Vane")),
        ("Ada Quill (Ulm, Germany)", ("Ada Quill",)),
        ("Ada (Lab (A), B), Bela (C, D (E))", ("Ada", "Bela")),
        ("Ada (never closed, Bela", ("Ada (never closed", "Bela")),
        ("Ada), Bela", ("Ada)", "Bela")),
    ],
)
def test_names_are_told_from_affiliations(creator: str, names: tuple[str, ...]) -> None:
    assert split_authors(creator) == names


def test_entries_without_id_or_title_are_skipped_with_their_place() -> None:
    batch = parse_feed(FEED, today=DAY)
    assert [(skip.place, skip.problem) for skip in batch.skipped] == [
        ("arxiv feed, entry 5", "no id"),
        ("arxiv feed, entry 6", "arxiv:2505.20133: no title"),
    ]


@pytest.mark.parametrize(
    ("stated", "identifier"),
    [
        ("oai:arXiv.org:2503.02130v1", "arxiv:2503.02130"),
        ("oai:arXiv.org:0704.0001v12", "arxiv:0704.0001"),
        ("http://arxiv.org/abs/2503.02130v2", "arxiv:2503.02130"),
        ("https://arxiv.org/abs/2503.02130", "arxiv:2503.02130"),
        ("oai:arXiv.org:math.GT/0309136v1", "arxiv:math/0309136"),
        ("oai:arXiv.org:solv-int/9901001v3", "arxiv:solv-int/9901001"),
        ("  oai:arXiv.org:2503.02130v1\n", "arxiv:2503.02130"),
    ],
)
def test_an_id_is_text_without_its_version(stated: str, identifier: str) -> None:
    assert only(entry(stated)).id == identifier
    assert only(entry(stated)).url == f"https://arxiv.org/abs/{identifier.removeprefix('arxiv:')}"


@pytest.mark.parametrize(
    "stated",
    [
        "2503.0213x",
        "oai:arXiv.org:2503.021301",
        "oai:arXiv.org:../etc",
        "https://evil.example/2503.02130",
        "٢٥٠٣.٠٢١٣٠",
    ],
)
def test_an_id_that_is_not_arxivs_is_skipped(stated: str) -> None:
    assert "is not arXiv's" in skipped(entry(stated))


def test_an_entry_without_an_id_element_is_skipped() -> None:
    assert skipped(f"{HEAD}<entry><title>Owl</title></entry></feed>".encode()) == "no id"


def test_a_kind_of_announcement_nobody_knows_is_skipped() -> None:
    assert "'withdrawn' is not known" in skipped(entry(more="<arxiv:announce_type>withdrawn</arxiv:announce_type>"))


@pytest.mark.parametrize(
    ("published", "day"),
    [
        ("2025-05-27T00:00:00-04:00", date(2025, 5, 27)),
        ("2025-05-27T04:00:00Z", date(2025, 5, 27)),
        ("2025-05-27T03:59:59Z", date(2025, 5, 26)),
        ("2025-01-27T00:00:00-05:00", date(2025, 1, 27)),
        ("2025-05-20", date(2025, 5, 20)),
        ("", DAY),
    ],
)
def test_a_paper_was_announced_on_the_day_it_was_in_new_york(published: str, day: date) -> None:
    assert only(entry(more=f"<published>{published}</published>")).announced == day


@pytest.mark.parametrize("published", ["soon", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59", "2025-13-01"])
def test_a_time_that_is_none_is_said(published: str) -> None:
    assert "is not a time" in skipped(entry(more=f"<published>{published}</published>"))


def test_a_paper_that_stands_twice_is_announced_once_and_not_replaced() -> None:
    kinds = ["replace", "new", "cross"]
    body = HEAD + "".join(
        f"<entry><id>oai:arXiv.org:2505.00001v{number}</id><title>{kind}</title>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type></entry>"
        for number, kind in enumerate(kinds, 1)
    )
    batch = parse_feed(f"{body}</feed>".encode(), today=DAY)
    assert [paper.title for paper in batch.papers] == ["new"]
    assert batch.replacements == []


@pytest.mark.parametrize(
    ("summary", "abstract"),
    [
        ("arXiv:2505.1v1 Announce Type: new \nAbstract: We rank.", "We rank."),
        ("  arXiv:2505.1v1\nAnnounce Type: replace-cross\n Abstract:\n  We rank.\n", "We rank."),
        ("Abstract: art in the abstract", "Abstract: art in the abstract"),
        (
            "We cite arXiv:2505.1v1 Announce Type: new \nAbstract: x",
            "We cite arXiv:2505.1v1 Announce Type: new Abstract: x",
        ),
    ],
)
def test_the_head_of_a_summary_is_no_part_of_the_abstract(summary: str, abstract: str) -> None:
    assert only(entry(more=f"<summary>{summary}</summary>")).abstract == abstract


def test_a_summary_of_blanks_takes_no_time() -> None:
    summary = "arXiv:2505.1v1 Announce Type: new" + "\n" * 50_000 + "x"
    assert only(entry(more=f"<summary>{summary}</summary>")).abstract.endswith("new x")


def test_odd_titles_are_taken_as_text() -> None:
    assert only(entry(title="&lt;script>x&lt;/script> &amp;amp; 🦉 גרפים")).title == "<script>x</script> &amp; 🦉 גרפים"
    assert len(only(entry(title="x" * 5000)).title) == 5000


def test_a_weekend_feed_is_empty_and_fine() -> None:
    assert parse_feed(WEEKEND, today=DAY) == Batch(papers=[], replacements=[], skipped=[])


def test_a_feed_that_says_what_is_wrong_is_an_error_that_says_it() -> None:
    with pytest.raises(SourceFormatError, match=r"Feed error for query: cs\.XY"):
        parse_feed(ERROR, today=DAY)
    assert feed_title(ERROR) == "Feed error for query: cs.XY"
    assert feed_title(b"Rate exceeded.") == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not XML"),
        (b"Rate exceeded.", "not XML"),
        (FEED[:-200], "not XML"),
        (b"<html><body>Maintenance</body></html>", "not an Atom feed but <html>"),
        (b"<rss version='2.0'><channel/></rss>", "not an Atom feed but <rss>"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b"<!DOCTYPE feed SYSTEM 'file:///etc/passwd'>" + WEEKEND.partition(b"?>")[2], "document type"),
        (BOMB, "arxiv: "),
        (b"<a>" * 100_000, "not XML"),
        (b"<?xml version='1.0' encoding='nonsense'?><feed/>", "not XML"),
    ],
)
def test_what_is_no_feed_is_one_clear_error(body: bytes, said: str) -> None:
    with pytest.raises(SourceFormatError) as caught:
        parse_feed(body, today=DAY)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_no_entity_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    body = f'<!DOCTYPE feed [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'.encode() + entry(title="&x;")
    with pytest.raises(SourceFormatError) as caught:
        parse_feed(body, today=DAY)
    assert "s3cret" not in str(caught.value)


marks = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<&"), max_size=20)
inner = st.builds(
    "<{0}>{1}</{0}>".format,
    st.sampled_from(["id", "title", "summary", "published", "arxiv:announce_type", "dc:creator", "entry", "category"]),
    marks | st.sampled_from(["2505.00001v1", "0001-01-01T00:00:00Z", "new", "replace", "2025-05-27T00:00:00-04:00"]),
)
bodies = st.lists(st.lists(inner, max_size=6).map(lambda parts: f"<entry>{''.join(parts)}</entry>"), max_size=4).map(
    lambda entries: f"{HEAD}{''.join(entries)}</feed>".encode()
)
broken = st.builds(
    lambda cut, put: FEED[:cut] + put + FEED[cut:], st.integers(0, len(FEED)), st.binary(min_size=1, max_size=6)
)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=100) | bodies | broken)
@example(BOMB)
def test_any_bytes_are_a_batch_or_a_format_error(body: bytes) -> None:
    try:
        batch = parse_feed(body, today=DAY)
    except SourceFormatError:
        return
    for paper in (*batch.papers, *batch.replacements):
        assert paper.title
        assert paper.id.startswith("arxiv:")
        f"{paper}".encode()


def fetch(site: Site, *categories: str, path: str = "/atom") -> Batch:
    async def run() -> Batch:
        async with Client(contact="help@example.org", patience=0.2) as client:
            source = ArxivSource(client, feed_url=site.url + path, categories=categories)
            return await source.fetch(DAY, None)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/atom", "/atom/"])
def test_all_categories_are_asked_for_in_one_request(site: Site, path: str) -> None:
    site.answers = [(200, FEED)]
    assert fetch(site, "cs.IR", "cs.CL", path=path) == parse_feed(FEED, today=DAY)
    assert site.asked == ["/atom/cs.IR+cs.CL"]
    assert site.agents[0].endswith("(mailto:help@example.org)")


def test_a_busy_feed_is_asked_again(site: Site) -> None:
    site.answers = [(429, b"Rate exceeded."), (200, WEEKEND)]
    assert fetch(site, "cs.IR").papers == []
    assert len(site.asked) == 2


def test_a_wrong_category_is_said_in_arxivs_words(site: Site) -> None:
    site.answers = [(400, ERROR)]
    with pytest.raises(SourceUnavailableError, match=r"answered 400: Feed error for query: cs\.XY"):
        fetch(site, "cs.IR", "cs.XY")
    assert len(site.asked) == 1


def test_a_page_that_is_no_feed_is_an_error_even_with_200(site: Site) -> None:
    site.answers = [(200, b"")]
    with pytest.raises(SourceFormatError, match="arxiv: not XML"):
        fetch(site, "cs.IR")
    site.answers = [(404, b"<html>gone</html>")]
    with pytest.raises(SourceUnavailableError, match=r"answered 404$"):
        fetch(site, "cs.IR")


def test_without_categories_nobody_is_asked(site: Site) -> None:
    with pytest.raises(SourceUnavailableError, match=r"set \[sources\.arxiv\] categories"):
        fetch(site)
    assert site.asked == []
