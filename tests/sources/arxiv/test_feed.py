"""arXiv's announcement feed, parsed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources.arxiv.feed import Feed, parse_feed, query_error
from digestbot.sources.arxiv.names import belongs, is_category, oai_set, split_authors, wanted
from tests.factories import DAY

FEED = (Path(__file__).parents[2] / "data" / "arxiv-feed.xml").read_bytes()
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


def announced(body: bytes) -> list[Paper]:
    return [entry.paper for entry in parse_feed(body, today=DAY).entries if entry.announces]


def replaced(body: bytes) -> list[Paper]:
    return [entry.paper for entry in parse_feed(body, today=DAY).entries if not entry.announces]


def only(body: bytes) -> Paper:
    (paper,) = announced(body)
    return paper


def skipped(body: bytes) -> str:
    feed = parse_feed(body, today=DAY)
    assert not feed.entries
    (skip,) = feed.skipped
    assert skip.place == "arxiv feed, entry 1"
    return skip.problem


def test_new_papers_and_cross_lists_are_announced_and_replacements_are_not() -> None:
    assert [paper.id for paper in announced(FEED)] == [
        "arxiv:2505.20130",
        "arxiv:2505.02130",
        "arxiv:2505.20131",
        "arxiv:2505.20132",
    ]
    assert [paper.id for paper in replaced(FEED)] == ["arxiv:2504.11111", "arxiv:math/0309136"]


def test_an_entry_becomes_a_paper_as_its_feed_describes_it() -> None:
    assert announced(FEED)[0] == Paper(
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
    _, clicks, birds, notes = announced(FEED)
    assert clicks.title == "Ranking with few clicks & many papers: when $k < 10$"
    assert birds.title == "A study of owls and wrens"
    assert notes.abstract == ""


def test_affiliations_are_no_authors() -> None:
    clicks = announced(FEED)[1]
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
    feed = parse_feed(FEED, today=DAY)
    assert [(skip.place, skip.problem) for skip in feed.skipped] == [
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
        ("2025-5-7T00:00:00-04:00", date(2025, 5, 7)),
        ("2025-5-7", date(2025, 5, 7)),
        ("2025-05-26T20:00:00", date(2025, 5, 26)),
        ("Mon, 26 May 2025 00:00:00 -0400", date(2025, 5, 26)),
        ("2025-05-28T00:00:00-04:00", date(2025, 5, 28)),
        ("2025-01-27T00:00:00-05:00", date(2025, 1, 27)),
        ("2025-05-20", date(2025, 5, 20)),
        ("", DAY),
    ],
)
def test_a_paper_was_announced_on_the_day_it_was_in_new_york(published: str, day: date) -> None:
    assert only(entry(more=f"<published>{published}</published>")).announced == day


@pytest.mark.parametrize("published", ["soon", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59", "2025-13-01"])
def test_a_time_that_is_none_costs_no_paper(published: str) -> None:
    assert only(entry(more=f"<published>{published}</published>")).announced == DAY


def test_a_paper_that_stands_twice_is_announced_once_and_not_replaced() -> None:
    kinds = ["replace", "new", "cross"]
    body = HEAD + "".join(
        f"<entry><id>oai:arXiv.org:2505.00001v{number}</id><title>{kind}</title>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type></entry>"
        for number, kind in enumerate(kinds, 1)
    )
    feed = parse_feed(f"{body}</feed>".encode(), today=DAY)
    assert [(entry.paper.title, entry.kind) for entry in feed.entries] == [("new", "new")]


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
    assert parse_feed(WEEKEND, today=DAY) == Feed(entries=[], skipped=[], complete=True)


def test_a_feed_that_says_what_is_wrong_is_an_error_that_says_it() -> None:
    with pytest.raises(SourceFormatError, match=r"Feed error for query: cs\.XY"):
        parse_feed(ERROR, today=DAY)
    assert query_error(ERROR) == "Feed error for query: cs.XY"
    assert query_error(b"Rate exceeded.") == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no XML"),
        (b"Rate exceeded.", "no XML"),
        (FEED[:-200], "no XML"),
        (b"<html><body>Maintenance</body></html>", "not an Atom feed but <html>"),
        (b"<rss version='2.0'><channel/></rss>", "not an Atom feed but <rss>"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b"<!DOCTYPE feed SYSTEM 'file:///etc/passwd'>" + WEEKEND.partition(b"?>")[2], "document type"),
        (BOMB, "arxiv: "),
        (b"<a>" * 100_000, "no XML"),
        (b"<?xml version='1.0' encoding='nonsense'?><feed/>", "no XML"),
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
        feed = parse_feed(body, today=DAY)
    except SourceFormatError:
        return
    for paper in (entry.paper for entry in feed.entries):
        assert paper.title
        assert paper.id.startswith("arxiv:")
        f"{paper}".encode()


def test_a_feed_of_two_thousand_entries_was_cut() -> None:
    def feed(many: int) -> Feed:
        entries = "".join(f"<entry><id>2505.{number:05}</id><title>Owl</title></entry>" for number in range(many))
        return parse_feed(f"{HEAD}{entries}</feed>".encode(), today=DAY)

    assert feed(1999).complete
    assert not feed(2000).complete


@pytest.mark.parametrize(
    ("category", "named"),
    [
        ("cs.LG", "cs:cs:LG"),
        ("cs.lg", "cs:cs:LG"),
        ("cs", "cs:cs"),
        ("hep-th", "physics:hep-th"),
        ("astro-ph.GA", "physics:astro-ph:GA"),
        ("physics.optics", "physics:physics:optics"),
        ("cond-mat.mes-hall", "physics:cond-mat:mes-hall"),
        ("math.NA", "math:math:NA"),
        ("math-ph", "physics:math-ph"),
        ("q-bio.GN", "q-bio:q-bio:GN"),
    ],
)
def test_a_category_is_a_set_of_oai_pmh(category: str, named: str) -> None:
    assert oai_set(category) == named
    assert is_category(category)


def test_an_archive_holds_its_categories_and_no_others() -> None:
    assert belongs("cs.LG", "cs")
    assert belongs("cs.LG", "CS.lg")
    assert not belongs("cs.LG", "cs.L")
    assert not belongs("math-ph", "math")
    assert wanted(["q-bio.NC", "cs.LG"], ["cs.LG"], cross_lists=True)
    assert not wanted(["q-bio.NC", "cs.LG"], ["cs.LG"], cross_lists=False)
    assert not is_category("H.3.3; I.2.7")
    assert not is_category("68T07")
