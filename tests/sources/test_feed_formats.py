"""The formats of feeds: what is one, in which encoding, and what is none."""

from __future__ import annotations

import codecs
import os
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from tests.factories import DAY
from tests.fakes.server import Answer, xml_bomb
from tests.sources.feed_pages import JOURNAL, atom, ids, json_feed, one, problem, read, rss, skipped

DATA = Path(__file__).resolve().parents[1] / "data"
# In the gate a twentieth of the junk has to do.
SHARE = 1 if os.environ.get("DIGESTBOT_SOAK") == "1" else 20


def test_rss_2_is_read_with_its_extensions() -> None:
    batch = read((DATA / "feed-rss2.xml").read_bytes())
    counting, owls, preprint = batch.papers
    assert counting == Paper(
        id=counting.id,
        title="Counting with few bits",
        abstract="We count & we count. Then we stop.",
        authors=("Ada Quill", "Bela Vane", "Cyr Oost"),
        categories=("Data structures", "Sketches"),
        announced=date(2025, 5, 27),
        url=f"{JOURNAL}/papers/41?from=feed&part=1",
    )
    assert (owls.id, owls.doi, owls.authors) == (
        "doi:10.5555/jsi.42",
        "10.5555/jsi.42",
        ("Quill, A.", "Vane, B. C."),
    )
    assert (preprint.id, preprint.doi, preprint.authors) == ("arxiv:2505.00043", "10.5555/jsi.43", ("Ada Quill",))
    assert [(entry.place, entry.problem) for entry in batch.skipped] == [("journal, entry 4", "no title")]


def test_rss_1_with_items_behind_the_channel_is_read() -> None:
    snails = one((DATA / "feed-rss1.xml").read_bytes())
    assert (snails.id, snails.title, snails.authors, snails.announced, snails.url) == (
        "doi:10.1101/2025.05.19.600001",
        "Snails, measured",
        ("Ada Quill", "Bela Vane"),
        date(2025, 5, 20),
        "https://server.example.org/1?rss=1",
    )


def test_rss_091_with_its_document_type_and_without_well_formedness_is_read() -> None:
    old = one((DATA / "feed-rss091.xml").read_bytes())
    assert (old.title, old.abstract, old.announced) == ("What we read & wrote", "Two papers and a book.", DAY)


def test_atom_is_read() -> None:
    trees, preprint = read((DATA / "feed-atom.xml").read_bytes()).papers
    assert trees == Paper(
        id=trees.id,
        title="Trees & forests",
        abstract="Trees are good. So are forests.",
        authors=("Ada Quill", "Vane, Bela"),
        categories=("Data structures",),
        announced=date(2025, 5, 23),
        url="https://lab.example.org/papers/trees.html",
        links=("https://code.example.org/trees",),
    )
    assert (preprint.id, preprint.title, preprint.announced) == (
        "arxiv:2505.00008",
        "When n < m, and m > 2",
        date(2025, 5, 21),
    )


def test_json_feed_is_read() -> None:
    batch = read((DATA / "feed-1.1.json").read_bytes())
    moss, words = batch.papers
    assert moss == Paper(
        id="doi:10.5555/n.1",
        title="Moss in winter",
        abstract="Moss stays green. Mostly.",
        authors=("Ada Quill", "Bela Vane"),
        categories=("moss", "winter"),
        announced=date(2025, 5, 23),
        url="https://notes.example.org/1",
        doi="10.5555/n.1",
        links=("https://doi.org/10.5555/N.1",),
    )
    assert (words.abstract, words.announced, words.url) == (
        "If a <b and c> d, then <i>not</i> this.",
        date(2025, 5, 3),
        "https://notes.example.org/2",
    )
    assert [(entry.place, entry.problem) for entry in batch.skipped] == [
        ("journal, item 3", "no id"),
        ("journal, item 4", "is not a JSON object"),
    ]


def test_json_feed_1_0_has_one_author() -> None:
    assert one((DATA / "feed-1.0.json").read_bytes()).authors == ("Ada Quill",)


@pytest.mark.parametrize("body", [rss(), atom(), json_feed(), "<rss/>", "<feed></feed>", "\n\n <rss version='2.0' />"])
def test_an_empty_feed_has_no_papers(body: str) -> None:
    batch = read(body)
    assert (list(batch.papers), list(batch.skipped)) == ([], [])


@pytest.mark.parametrize(
    "page",
    [
        "<!DOCTYPE html><html><head><title>Journal</title></head><body></body></html>",
        "<html><body><item><title>Owl</title></item></body></html>",
        '<?xml version="1.0"?><!-- a page --><!doctype HTML><HTML></HTML>',
        "  <!DOCTYPE html>",
    ],
)
def test_an_html_page_is_refused_with_what_to_do(page: str) -> None:
    assert "journal: is an HTML page, not a feed; set the address of the feed itself" in problem(page)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "sent nothing"),
        ("  \n", "sent nothing"),
        ("busy", "neither XML nor JSON"),
        ("<", "neither XML nor JSON"),
        ("<opml><body/></opml>", "is no feed but <opml>"),
        ("{", "begins like JSON and is none"),
        ('{"a":' * 100_000, "begins like JSON and is none"),
        ('{"entries": []}', "no list of items"),
        ('{"items": {}}', "no list of items"),
    ],
)
def test_what_is_no_feed_is_refused(body: str, said: str) -> None:
    assert said in problem(body)


BOMB = '<?xml version="1.0"{}?><!DOCTYPE rss [<!ENTITY a "boom"><!ENTITY b "&a;&a;">]>' + rss("<title>&b;</title>")


@pytest.mark.parametrize(
    "body",
    [
        BOMB.format("").encode(),
        BOMB.format("").replace("ENTITY", "entity").encode(),
        BOMB.format(' encoding="utf-16"').encode("utf-16"),
        BOMB.format(' encoding="utf-16"').encode("utf-16-le"),
        BOMB.format("").encode("utf-16-be"),
        codecs.BOM_UTF32_BE + BOMB.format("").encode("utf-32-be"),
        codecs.BOM_UTF8 + BOMB.format("").encode(),
        xml_bomb(Answer()).body,
    ],
)
def test_entity_declarations_are_refused_in_every_encoding(body: bytes) -> None:
    assert "declares entities" in problem(body)


def test_declarations_in_an_encoding_that_hides_them_declare_nothing() -> None:
    hidden = b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE rss [+ADwAIQ-ENTITY a "boom"+AD4]+AD4'
    assert one(hidden + rss("<title>x&a;y</title><guid>1</guid>").encode()).title == "x&a;y"


def test_nothing_outside_the_feed_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine")
    external = f'<!DOCTYPE rss SYSTEM "{secret.as_uri()}">' + rss("<title>Owl &x;</title><guid>1</guid>")
    assert one(external).title == "Owl &x;"
    assert "neither XML nor JSON" in problem(str(secret))


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "utf-8"),
        ("no-such-encoding", "utf-8"),
        ("rot13", "utf-8"),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-8", "iso-8859-1"),
        ("windows-1252", "cp1252"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-16-be"),
        ("utf-16", "utf-16-le"),
    ],
)
def test_letters_survive_right_and_wrong_encodings(declared: str, encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?>' + rss("<title>Über Bäume</title><guid>1</guid>")
    assert one(body.encode(encoding)).title == "Über Bäume"


def test_letters_of_the_east_survive() -> None:
    body = '<?xml version="1.0" encoding="gb2312"?>' + rss("<title>稀疏检索</title><guid>1</guid>")
    assert one(body.encode("gb18030")).title == "稀疏检索"


def test_an_entry_whose_id_is_damaged_waits_for_a_better_page() -> None:
    good = rss("<title>Owl</title><guid>owl-1</guid>", "<title>Elk</title><guid>elk-1</guid>").encode()
    bad = good.replace(b"elk-1", b"\xfflk-1")
    assert ids(bad) == ids(good)[:1]
    assert skipped(bad) == [
        ("journal, entry 2", "its id, address or date is damaged: a byte in it is in no known encoding")
    ]


def test_a_page_whose_tags_are_damaged_is_refused() -> None:
    good = rss("<title>Owl</title><guid>owl-1</guid>", "<title>Elk</title><guid>elk-1</guid>").encode()
    assert "the name of a tag" in problem(good.replace(b"</guid>", b"</gui\xff>", 1))


def test_a_damaged_title_is_read_unless_the_id_hangs_on_it() -> None:
    known = rss("<title>B\xe4ume</title><guid>1</guid>").encode("latin-1")
    unknown = rss("<title>B\xe4ume</title>").encode("latin-1")
    assert one(known).title == "Bäume"
    assert skipped(unknown)[0][1].startswith("its title, by which alone it could be known again, is damaged")


def test_characters_that_xml_forbids_are_left_out() -> None:
    assert one(rss("<title>O\x00w\x08l\ufffe</title><guid>1</guid>")).title == "Owl"


@pytest.mark.parametrize(
    "junk",
    [
        "<rss>" + "<item>" * (800_000 // SHARE),
        "<rss>" + "<item><title>t</title></item>" * (10_000 // SHARE),
        "<rss>" + f"<item><title>t</title><description>{'<b>' * 3_000}</description></item>" * (100 // SHARE),
        "<rss>" + f"<item><title>t</title><description><![CDATA[{'<p ' * 30_000}]]></description></item>" * (50 // SHARE),
        "<rss>" + "<![CDATA[" * (500_000 // SHARE),
        "<rss><item><title>t</title>" + "<!--" * (1_200_000 // SHARE),
        '<a "' * (1_200_000 // SHARE),
        '{"items": [' + ",".join(['{"id": 1, "title": "<b <b <b"}'] * (150_000 // SHARE)) + "]}",
        "[" * (5_000_000 // SHARE),
    ],
    ids=["items", "papers", "tags", "brackets", "cdata", "comments", "quotes", "json", "nested"],
)  # fmt: skip
@pytest.mark.slow
def test_megabytes_of_junk_end_within_seconds(junk: str) -> None:
    began = time.process_time()
    with suppress(SourceFormatError):
        read(junk)
    assert time.process_time() - began < 20


fragments = st.sampled_from(
    [
        "<rss>", "<rss version='2.0'>", "<channel>", "<item>", "</item>", "<title>", "</title>", "Owl", "<guid>", "</guid>", "1",
        "<feed xmlns='http://www.w3.org/2005/Atom'>", "<entry>", "</entry>", "<id>", "<link href='http://['/>", "<link>", "</link>",
        "<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0' encoding='utf-7'?>", "<!DOCTYPE rss [", "<!ENTITY a 'b'>", "&a;", "&#0;",
        "<pubDate>", "Tue, 99 May 2025", "0000-00-00", "</pubDate>", "<content type='application/xml' mode='base64'>", "</content>",
        "<author>", "<name>", "x@y.z", "<category term='a'/>", "<x:y>", "<dc:identifier>10.1/", "\x00", "\ud800", "é", "\ufffe", '"', "'",
        "{", "}", '{"items": [', "]}", '{"id": 1, "title": "Owl"}', ",", '"\\ud800"', "1e999", "NaN", "<html>", "xml:base='http://['",
        "<enclosure url='x'/>", "<source>", "<itunes:keywords>a,b</itunes:keywords>", "<media:title>",
    ]
)  # fmt: skip


@given(
    st.binary(max_size=300)
    | st.lists(fragments, max_size=30).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))
    | st.lists(fragments, max_size=20).map(lambda parts: ("<rss><channel><item><title>t" + "".join(parts)).encode("utf-8", "replace"))
    | st.lists(fragments, max_size=20).map(lambda parts: ("<feed><entry>" + "".join(parts) + "</entry></feed>").encode("utf-16", "replace"))
)  # fmt: skip
@example(b"\xff\xfe<")
@example(b"{\0")
@example(
    b'{"items": [{"id": "\\ud800", "title": "\\udfff<", "url": "http://[", "date_published": "9999-12-31T23:59:59-23:59"}]}'
)
@example(b'{"items": [{"id": ' + b"9" * 5000 + b"}]}")
@example(rss("<title>t</title><link>http://[</link><guid xml:base='http://['>x</guid>").encode())
@settings(deadline=None)
def test_any_bytes_are_papers_or_a_format_error(body: bytes) -> None:
    try:
        batch = read(body)
    except SourceFormatError:
        return
    for found in batch.papers:
        assert found.title
        assert found.id.partition(":")[2]
        assert found.announced <= DAY
        assert len(found.abstract) <= 10_000
        assert found.url == "" or found.url.startswith(("http://", "https://"))
        found.id.encode()
