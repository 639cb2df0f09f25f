"""What an entry of a feed is called: an id that stays, whatever the feed makes of its format."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.models import PaperId
from tests.sources.feed_pages import ids, one, read, rss


@pytest.mark.parametrize(
    ("fields", "identifier"),
    [
        ("<guid>https://arxiv.org/abs/2505.00001v3</guid>", "arxiv:2505.00001"),
        ("<guid>oai:arXiv.org:2505.00001v3</guid>", "arxiv:2505.00001"),
        ("<guid>1</guid><link>http://arxiv.org/pdf/2505.00001v1.pdf?download=1#page=2</link>", "arxiv:2505.00001"),
        ("<guid>1</guid><link>https://arxiv.org/abs/2505.00001/</link>", "arxiv:2505.00001"),
        ("<guid>1</guid><link>https://doi.org/10.48550/arXiv.2505.00001</link>", "arxiv:2505.00001"),
        ("<guid>https://doi.org/10.5555/Owl.1</guid>", "doi:10.5555/owl.1"),
        ("<guid>1</guid><link>https://doi.org/10.5555/Owl.1?utm_source=rss</link>", "doi:10.5555/owl.1"),
        ("<guid>1</guid><prism:doi>10.5555/Owl.1</prism:doi>", "doi:10.5555/owl.1"),
        ("<guid>1</guid><dc:identifier>doi:10.5555/owl.1</dc:identifier><dc:identifier>7</dc:identifier>", "doi:10.5555/owl.1"),
        ("<guid>1</guid><dc:identifier><![CDATA[10.5555/owl.1]]></dc:identifier>", "doi:10.5555/owl.1"),
        ("<guid>1</guid><citation_arxiv_id>arXiv:2505.00001</citation_arxiv_id>", "arxiv:2505.00001"),
        ("<guid>https://doi.org/10.5555/owl.1</guid><link>https://arxiv.org/abs/2505.00001</link>", "arxiv:2505.00001"),
    ],
)  # fmt: skip
def test_an_entry_that_names_a_paper_is_that_paper(fields: str, identifier: PaperId) -> None:
    namespaces = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"'
    )
    assert one(rss(f"<title>Owl</title>{fields}", attributes=namespaces)).id == identifier


def test_fields_count_also_where_their_prefix_is_not_declared() -> None:
    found = one(
        rss("<title>Owl</title><guid>1</guid><prism:doi>10.5555/owl.1</prism:doi><dc:creator>Ada Quill</dc:creator>")
    )
    assert (found.id, found.authors) == ("doi:10.5555/owl.1", ("Ada Quill",))


@pytest.mark.parametrize("guid", ["2505.00001", "post/1234567", "10", "https://blog.example.org/2505.00001"])
def test_a_number_that_only_looks_like_arxivs_names_no_paper(guid: str) -> None:
    assert one(rss(f"<title>Owl</title><guid>{guid}</guid>")).id.startswith("journal:")


def test_the_id_of_everything_else_is_for_ever() -> None:
    # These values are in databases: whoever changes them makes every paper of every feed new.
    assert ids(rss("<title>Owl</title><guid>jsi-41</guid>")) == ["journal:ed1bcd45385138a8ad1b"]


def test_the_id_does_not_change_with_text_date_or_a_move_to_https() -> None:
    before = rss("<title>Owl</title><guid>http://x.example.org/1</guid><description>Old</description>")
    after = rss(
        "<title>Owls</title><guid> https://x.example.org/1 </guid><link>/new</link><pubDate>2025-05-01</pubDate>",
        head="<link>https://elsewhere.example.org/</link>",
    )
    assert ids(before) == ids(after)


def test_without_a_guid_the_link_is_the_id_and_without_a_link_the_title() -> None:
    by_link = "<link>http://x.example.org/1</link>"
    assert ids(rss(f"<title>Owl</title>{by_link}")) == ids(
        rss("<title>Elk</title><guid>https://x.example.org/1</guid>")
    )
    assert ids(rss("<title>Owl</title>")) == ids(rss("<title> <i>Owl</i> </title><description>x</description>"))
    assert ids(rss("<title>Owl</title>")) != ids(rss("<title>Elk</title>"))


@pytest.mark.parametrize(
    "shared",
    ["<guid>the same</guid>", "<link>/all</link>", "<guid>10.5555/jsi</guid>", "<guid>arXiv:2505.00001</guid>"],
)
def test_entries_that_share_what_should_tell_them_apart_are_told_apart_by_their_titles(shared: str) -> None:
    found = ids(rss(f"<title>Owl</title>{shared}", f"<title>Elk</title>{shared}"))
    assert len(set(found)) == 2
    assert all(identifier.startswith("journal:") for identifier in found)


def test_a_doi_that_all_entries_carry_is_of_none_of_them() -> None:
    journal = "<prism:doi>10.5555/journal</prism:doi>"
    found = read(
        rss(
            f"<title>Owl</title><guid>1</guid>{journal}",
            f"<title>Elk</title><guid>2</guid>{journal}<prism:doi>10.5555/elk</prism:doi>",
            f"<title>Eel</title><guid>https://arxiv.org/abs/2505.00001</guid>{journal}",
        )
    ).papers
    assert [(paper.id.partition(":")[0], paper.doi) for paper in found] == [
        ("journal", ""),
        ("doi", "10.5555/elk"),
        ("arxiv", ""),
    ]


def test_an_entry_that_stands_twice_is_one_paper_with_its_usual_id() -> None:
    owl = "<title>Owl</title><guid>owl-1</guid>"
    assert ids(rss(owl, owl)) == ids(rss(owl))


def test_two_entries_of_one_arxiv_paper_are_one_paper() -> None:
    new, cross = (f"<title>Owl</title><guid>oai:arXiv.org:2505.00001v{version}</guid>" for version in (1, 2))
    assert ids(rss(new, cross)) == ["arxiv:2505.00001"]


entries = st.lists(
    st.tuples(st.sampled_from(["Owl", "Elk", "Eel"]), st.sampled_from(["", "1", "2", "arXiv:2505.00001", "10.5555/x"]),
              st.sampled_from(["", "/1", "/2", "https://arxiv.org/abs/2505.00002"])),
    max_size=6,
)  # fmt: skip


def entry(title: str, guid: str, link: str) -> str:
    stated = f"<guid>{guid}</guid>" if guid else ""
    return f"<title>{title}</title>{stated}" + (f"<link>{link}</link>" if link else "")


@given(entries, st.randoms())
@settings(deadline=None, max_examples=settings().max_examples // 2)
def test_ids_do_not_depend_on_the_order_of_entries(stated: list[tuple[str, str, str]], random: Any) -> None:
    body = rss(*(entry(*fields) for fields in stated))
    random.shuffle(stated)
    again = rss(*(entry(*fields) for fields in stated))
    assert sorted(ids(body)) == sorted(ids(again))
    assert len(set(ids(body))) == len(ids(body))
