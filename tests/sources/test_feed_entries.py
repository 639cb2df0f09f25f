"""What an entry of a feed says: title, text, authors, day and address, whatever is wrong with its neighbours."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.factories import DAY
from tests.sources.feed_pages import JOURNAL, ids, json_feed, one, read, rss, skipped


def test_the_longest_text_that_fits_is_the_abstract() -> None:
    book, short = "word " * 4_000, "A short summary."
    found = one(json_feed({"id": "1", "title": "Owl", "content_text": book, "summary": short}))
    assert found.abstract == short
    middle = "word " * 1_900
    assert (
        one(json_feed({"id": "1", "title": "Owl", "content_text": middle, "summary": short})).abstract == middle.strip()
    )


def test_a_text_that_is_too_long_is_cut_at_a_word() -> None:
    found = one(json_feed({"id": "1", "title": "Owl", "content_text": "seven77 " * 4_000}))
    assert 9_900 < len(found.abstract) <= 10_000
    assert found.abstract.endswith(" seven77…")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("&lt;b&gt;Owl&lt;/b&gt; &amp;amp; elk", "Owl & elk"),
        ("Bounds for n&lt;m", "Bounds for n<m"),
        ("<![CDATA[Owl &amp; <sub>2</sub>]]>", "Owl & 2"),
        ("a &lt; b &lt;i&gt;and&lt;/i&gt; c", "a < b and c"),
        ("Owl\n  and\telk", "Owl and elk"),
    ],
)
def test_markup_goes_and_mathematics_stays(title: str, shown: str) -> None:
    assert one(rss(f"<title>{title}</title><guid>1</guid>")).title == shown


@pytest.mark.parametrize(
    "title", ["", "<title/>", "<title> </title>", "<title>&lt;br&gt;</title>", "<title><![CDATA[<p></p>]]></title>"]
)
def test_an_entry_without_a_title_is_skipped_with_its_place(title: str) -> None:
    good = "<title>Elk</title><guid>2</guid>"
    assert skipped(rss(f"{title}<guid>1</guid>", good)) == [("journal, entry 1", "no title")]
    assert ids(rss(f"{title}<guid>1</guid>", good)) == ids(rss(good))


@pytest.mark.parametrize(
    ("creator", "names"),
    [
        ("Ada Quill", ("Ada Quill",)),
        ("Ada Quill, Bela Vane and Cyr Oost", ("Ada Quill", "Bela Vane", "Cyr Oost")),
        ("Ada Quill, Bela Vane, and Cyr Oost", ("Ada Quill", "Bela Vane", "Cyr Oost")),
        ("Ada Quill &amp; Bela Vane", ("Ada Quill", "Bela Vane")),
        ("Quill, Ada; Vane, Bela", ("Quill, Ada", "Vane, Bela")),
        ("Quill, Ada", ("Quill, Ada",)),
        ("Quill, A. B., Vane, C.", ("Quill, A. B.", "Vane, C.")),
        ("Sand and Sons", ("Sand", "Sons")),
        ("Anders Land", ("Anders Land",)),
    ],
)
def test_one_field_of_authors_is_taken_apart(creator: str, names: tuple[str, ...]) -> None:
    assert one(rss(f"<title>Owl</title><guid>1</guid><dc:creator>{creator}</dc:creator>")).authors == names


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ("<pubDate>Tue, 20 May 2025 23:30:00 -0200</pubDate>", date(2025, 5, 21)),
        ("<pubDate>Tue, 20 May 2025 23:30:00 EST</pubDate>", date(2025, 5, 21)),
        ("<pubDate>20 May 25 08:00 GMT</pubDate>", date(2025, 5, 20)),
        ("<pubDate>2025-5-3</pubDate>", date(2025, 5, 3)),
        ("<pubDate>2025-05-03 10:00:00</pubDate>", date(2025, 5, 3)),
        ("<dc:date>2025-05-03T23:00:00-05:00</dc:date>", date(2025, 5, 4)),
        ("<pubDate>yesterday</pubDate>", DAY),
        ("<pubDate>Mon, 99 Foo 2025</pubDate>", DAY),
        ("<pubDate/>", DAY),
        ("", DAY),
        ("<pubDate>Tue, 01 Jan 2030 00:00:00 GMT</pubDate>", DAY),
        ("<pubDate>never</pubDate><dc:date>2025-05-03</dc:date>", date(2025, 5, 3)),
        ("<pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate>", DAY),
        ("<pubDate>0001-01-01T00:00:00Z</pubDate><dc:date>2025-05-03</dc:date>", date(2025, 5, 3)),
        ("<pubDate>Wed, 14 Aug 1991 00:00:00 GMT</pubDate>", date(1991, 8, 14)),
    ],
)
def test_a_paper_is_announced_on_its_day_in_utc_and_never_after_today(dates: str, day: date) -> None:
    assert one(rss(f"<title>Owl</title><guid>1</guid>{dates}")).announced == day


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ({"date_published": "2025-05-20T23:30:00-02:00"}, date(2025, 5, 21)),
        ({"date_published": "soon", "date_modified": "2025-05-03T00:00:00Z"}, date(2025, 5, 3)),
        ({"date_published": "0001-01-01T00:00:00+14:00"}, DAY),
        ({"date_published": "1970-01-01T00:00:00Z", "date_modified": "2025-05-03T00:00:00Z"}, date(2025, 5, 3)),
        ({"date_published": "2025-13-41"}, DAY),
        ({"date_published": 7}, DAY),
        ({}, DAY),
    ],
)
def test_an_item_of_a_json_feed_is_announced_on_its_day(stated: dict[str, Any], day: date) -> None:
    assert one(json_feed({"id": "1", "title": "Owl"} | stated)).announced == day


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("papers/1", f"{JOURNAL}/papers/1"),
        ("//mirror.example.org/1", "https://mirror.example.org/1"),
        ("https://x.example.org/bäume 1", "https://x.example.org/b%C3%A4ume%201"),
        ("javascript:alert(1)", ""),
        ("mailto:ada@example.org", ""),
        ("http://[", ""),
        ("https://x.example.org:port/1", "https://x.example.org:port/1"),
    ],
)
def test_addresses_are_whole_and_safe_to_click(link: str, url: str) -> None:
    assert one(rss(f"<title>Owl</title><guid isPermaLink='false'>1</guid><link>{link}</link>")).url == url


def test_a_feed_whose_own_page_is_no_address_is_read() -> None:
    found = one(json_feed({"id": "1", "title": "Owl", "url": "/1"}, home_page_url="http://["))
    assert (found.title, found.url) == ("Owl", "")


def test_without_a_link_the_guid_or_the_id_is_the_address() -> None:
    assert one(rss("<title>Owl</title><guid>https://x.example.org/1</guid>")).url == "https://x.example.org/1"
    assert one(rss("<title>Owl</title><guid>oai:arXiv.org:2505.00001</guid>")).url == "https://arxiv.org/abs/2505.00001"


@pytest.mark.parametrize(
    "bad",
    [
        "<item><title>Bad</title><guid>bad</guid>",
        "<item></title></item>",
        "<item/>",
        "<item><title>&lt;i&gt;</title></item>",
        f"<item><title>Bad</title><guid>bad</guid>{'<x>' * 10_001}</item>",
        f"<item><title>Bad</title>{'<category>x</category>' * 201}</item>",
        f"<item><title>Bad</title><author>{'a.' * 40_000}</author></item>",
        f"<item><title>Bad</title><description>{'a ' * 100_001}</description></item>",
    ],
)
def test_a_bad_entry_among_good_ones_is_skipped_with_its_place(bad: str) -> None:
    first, last = (f"<item><title>{name}</title><guid>{name}</guid></item>" for name in ("Owl", "Elk"))
    page = f"<rss><channel>{first}{bad}{last}</channel></rss>"
    assert [found.title for found in read(page).papers] == ["Owl", "Elk"]
    assert [place for place, _ in skipped(page)] == ["journal, entry 2"]


def test_an_entry_that_is_not_well_formed_costs_no_other_and_is_read_where_it_can_be() -> None:
    page = rss(
        "<title>Q&A on owls</title><guid>q</guid>",
        "<title>Elk</title><guid>e</guid><description>a <br> b</description>",
    )
    assert [(found.title, found.abstract) for found in read(page).papers] == [("Q&A on owls", ""), ("Elk", "a b")]


def test_a_feed_that_breaks_off_keeps_its_whole_entries() -> None:
    whole = rss("<title>Owl</title><guid>owl-1</guid>", "<title>Elk</title><guid>elk-1</guid>")
    cut = whole[: whole.index("elk-1") + 2]
    assert ids(cut) == ids(whole)[:1]
    assert skipped(cut) == [("journal, entry 2", "is cut off")]


def test_tags_in_cdata_are_text() -> None:
    page = rss(
        "<title>Owl</title><guid>1</guid><description><![CDATA[In RSS, <item> opens, </item> closes.]]></description>"
    )
    assert one(page).abstract == "In RSS, <item> opens, </item> closes."
