"""Digests as HTML and text: escaped, linked, of one order, and readable in both."""

from __future__ import annotations

import quopri
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree, html

from digestbot.digest import wording
from digestbot.digest.environment import environment
from digestbot.digest.render import FULL, SHORTER, Brevity, Rendered, Renderer
from digestbot.errors import RenderError
from digestbot.links import Links
from digestbot.models import Digest, Paper, Reason
from digestbot.settings import packaged
from tests.factories import DAY, KEY, NOW, digest, paper, subscriber

BASE = "https://papers.example.org"
LINKS = Links(BASE, [KEY])
NASTY = """<script>alert("1")</script> & <b title='x'>'bold'</b> "quoted" &amp; </title></style><!-- -->"""


@pytest.fixture(scope="session")
def renderer(templates: jinja2.Environment) -> Renderer:
    return Renderer(templates, LINKS, postal_address="1 Quay Street, Ulm")


def own_links(text: str) -> list[str]:
    return re.findall(re.escape(BASE) + r"""[^\s"'<>]*""", text.replace("&amp;", "&"))


def tree(rendered: Rendered) -> html.HtmlElement:
    return html.document_fromstring(rendered.html)


def tags(rendered: Rendered) -> list[str]:
    return [element.tag for element in tree(rendered).iter() if isinstance(element.tag, str)]


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def harmless(text: str) -> str:
    return re.sub(r"[^\w\s]", "x", text)


def plain(one: Paper) -> Paper:
    return replace(
        one,
        title=harmless(one.title),
        abstract=harmless(one.abstract),
        authors=tuple(map(harmless, one.authors)),
        categories=tuple(map(harmless, one.categories)),
    )


def test_every_paper_is_in_both_parts_in_order_with_the_same_links(renderer: Renderer) -> None:
    made = renderer.digest(digest(*map(paper, (3, 1, 2))), subscriber())
    titles = [words(one) for one in tree(made).iter("h2")]
    assert titles == [f"Sparse retrieval, part {number}" for number in (3, 1, 2)]
    assert re.findall(r"^ [ \d]\d?\. (.+)$", made.text, re.MULTILINE) == titles
    outside = re.compile(r"https://arxiv\.org/\S+?(?=[\"\s])")
    assert outside.findall(made.html) == outside.findall(made.text)
    assert own_links(made.html) == own_links(made.text)


def test_each_paper_has_a_link_to_what_resembles_it(renderer: Renderer) -> None:
    made = renderer.digest(digest(paper(1), paper(2)), subscriber())
    for text in (made.html, made.text):
        assert [link for link in own_links(text) if "/paper/" in link] == [
            LINKS.paper(paper(number).id) for number in (1, 2)
        ]


def test_an_author_who_is_followed_is_bold(renderer: Renderer) -> None:
    one = digest(paper(1, authors=("Ada Quill", "Ben Ito")), paper(2, authors=("Ada Quill",)))
    followed = replace(one.items[0], reason=Reason(kind="follow", terms=("Ben Ito",), amounts=(0.1,)))
    made = renderer.digest(replace(one, items=(followed, one.items[1])), subscriber())
    assert [words(bold) for bold in tree(made).iter("b")] == ["Ben Ito"]


def test_a_weekly_mail_has_a_heading_for_each_day_and_papers_below(renderer: Renderer) -> None:
    days = [DAY - timedelta(days=2), DAY - timedelta(days=2), DAY]
    papers = [paper(number, announced=day) for number, day in enumerate(days, 1)]
    made = renderer.digest(digest(*papers, days="weekly", number=3), subscriber())
    assert [(one.tag, words(one)) for one in tree(made).iter("h1", "h2", "h3")] == [
        ("h1", "digestbot"),
        ("h2", "Sunday, 25 May"),
        ("h3", papers[0].title),
        ("h3", papers[1].title),
        ("h2", "Tuesday, 27 May"),
        ("h3", papers[2].title),
    ]
    assert [line for line in made.text.splitlines() if line in ("Sunday, 25 May", "Tuesday, 27 May")] == [
        "Sunday, 25 May",
        "Tuesday, 27 May",
    ]


def test_a_shorter_mail_says_less_of_each_paper_and_then_of_fewer(renderer: Renderer) -> None:
    papers = [paper(number, abstract="A sentence of some length. " * 20) for number in range(1, 31)]
    one, reader = digest(*papers), subscriber()
    made = [renderer.digest(one, reader, brevity) for brevity in (FULL, *SHORTER)]
    sizes = [len(each.html) for each in made]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    for each, left in zip(made, [0, 0, 0, 0, 10, 15, 20, 25, 27, 29], strict=True):
        assert len(list(tree(each).iter("h2"))) == 30 - left
        for text in (words(tree(each)), each.text):
            assert ("more papers on the page of this list" in text) == bool(left)
        if left:
            assert LINKS.feedback(one.id) in own_links(each.html)
            assert LINKS.feedback(one.id) in own_links(each.text)


def test_a_mail_with_room_for_few_papers_has_the_best_by_day_and_speaks_of_no_other(renderer: Renderer) -> None:
    titles = ["Owl", "Wren", "Lark", "Kite", "Crow"]
    papers = [
        paper(place, title=title, announced=DAY - timedelta(days=5 - place)) for place, title in enumerate(titles, 1)
    ]
    one = digest(*papers, days="weekly", number=3)
    scores = (0.1, 0.8, 0.3, 0.2, 0.9)
    one = replace(one, items=tuple(replace(item, score=score) for item, score in zip(one.items, scores, strict=True)))
    made = renderer.digest(one, subscriber(), Brevity(summary=0, papers=2))
    assert [words(title) for title in tree(made).iter("h3")] == ["Wren", "Crow"]
    assert [words(day) for day in tree(made).iter("h2")] == ["Saturday, 24 May", "Tuesday, 27 May"]
    assert made.subject == "Crow, and one more (27 May)"
    for text in (words(tree(made)), " ".join(made.text.split())):
        assert "two of 40" in text
        assert "Two papers that answer to" in text
        assert "Three more papers on the page of this list" in text
        assert not [title for title in ("Owl", "Lark", "Kite") if title in text]
    # The page knows a paper by its place in the whole list.
    assert re.findall(r"\?like=(\d)", made.text) == ["2", "5"]


def test_what_stands_before_the_lead_fits_the_sort_of_list(renderer: Renderer) -> None:
    a_week_ago = paper(1, announced=DAY - timedelta(days=6))
    lists = {
        "Why today’s list": digest(paper(1), number=3),
        "Why this week’s list": digest(a_week_ago, paper(2), days="weekly", number=3),
        "Why this list": digest(a_week_ago, paper(2), number=3),
    }
    for said, one in lists.items():
        made = renderer.digest(one, subscriber())
        for text in (words(tree(made)), made.text):
            assert [other for other in lists if other in text] == [said]


def test_each_paper_has_a_like_and_a_dislike_link_of_its_own_position(renderer: Renderer) -> None:
    one = digest(*map(paper, range(1, 5)))
    links = own_links(renderer.digest(one, subscriber()).html)
    asked = [parse_qs(urlsplit(link).query) for link in links if "/f/" in link]
    assert asked == [{kind: [str(number)]} for number in range(1, 5) for kind in ("like", "dislike")]
    for link in links:
        if "/f/" in link:
            assert LINKS.read("f", urlsplit(link).path.removeprefix("/f/")) == one.id


def test_a_digest_ends_with_links_to_preferences_and_out(renderer: Renderer) -> None:
    reader = subscriber()
    made = renderer.digest(digest(), reader)
    for text in (made.html, made.text):
        assert own_links(text)[-2:] == [LINKS.preferences(reader.id), LINKS.unsubscribe(reader.id)]
    assert [words(one) for one in tree(made).iter("a")][-2:] == ["Preferences", "Unsubscribe"]


def test_no_link_carries_an_address_and_nothing_is_loaded(renderer: Renderer) -> None:
    made = renderer.digest(digest(), subscriber())
    assert not [link for link in own_links(made.html) if "@" in link or "reader1" in link]
    assert not {"img", "script", "iframe", "link", "form"} & set(tags(made))
    assert "url(" not in made.html


def test_the_mail_says_why_it_came_and_from_where(renderer: Renderer) -> None:
    made = renderer.digest(digest(days="weekdays"), subscriber())
    for text in (words(tree(made)), " ".join(made.text.split())):
        assert "each working day because you signed up with reader1@example.org" in text
        assert "1 Quay Street, Ulm" in text
        assert "Tuesday, 27 May 2025" in text
        assert "No. 1, three of 40" in text


def test_html_has_a_language_a_main_part_one_h1_and_an_h2_for_each_paper(renderer: Renderer) -> None:
    made = renderer.digest(digest(*map(paper, range(1, 8))), subscriber())
    parser = html.HTMLParser()
    root = html.document_fromstring(made.html, parser=parser)
    unknown = [error for error in parser.error_log if error.type_name != "HTML_UNKNOWN_TAG"]
    assert [error.message for error in unknown] == []
    assert root.get("lang") == "en"
    (main,) = root.xpath("//*[@role='main']")
    assert [main.get("lang"), main.get("dir")] == ["en", "ltr"]
    levels = [one.tag for one in main.iter("h1", "h2", "h3")]
    assert levels == ["h1"] + ["h2"] * 7
    assert root.findtext("head/title") == made.subject
    assert all(table.get("role") == "presentation" for table in root.iter("table"))


def test_every_tag_that_is_opened_is_closed(renderer: Renderer) -> None:
    made = renderer.digest(digest(paper(1), paper(2, abstract="", authors=(), url="", categories=())), subscriber())
    body = re.sub(r"<!--.*?-->|<!DOCTYPE html>", "", made.html, flags=re.DOTALL)
    body = re.sub(r"<(meta|br)\b([^>]*)>", r"<\1\2/>", body)
    names = "".join(f'<!ENTITY {name} " ">' for name in ("ensp", "emsp", "nbsp"))
    etree.fromstring(f"<!DOCTYPE html [{names}]>{body}")


def test_markup_in_any_text_of_a_paper_is_shown_and_never_obeyed(renderer: Renderer) -> None:
    nasty = paper(1, title=NASTY, abstract=NASTY, authors=(NASTY, NASTY), categories=(NASTY,))
    evil = digest(nasty)
    evil = replace(evil, items=(replace(evil.items[0], reason=Reason(kind="terms", terms=(NASTY,))),))
    made = renderer.digest(evil, subscriber(email='"<b>"@example.org'))
    assert tags(made) == tags(renderer.digest(digest(plain(nasty)), subscriber()))
    (title,) = tree(made).iter("h2")
    # A title's markup is taken away, what nobody should have sent as markup is shown as it is.
    assert words(title) == wording.title(nasty)
    assert "script" not in words(title)
    assert words(tree(made)).count('<script>alert("1")</script>') >= 3


@settings(deadline=None, max_examples=25)
@given(
    text=st.text(
        st.sampled_from("<>&\"'/!-=a {}%#;\\界\u0301\u0489\x00\x1b\u202e\u200d\ufe0fאب🦉👩") | st.characters(),
        min_size=1,
        max_size=60,
    ),
    path=st.text(st.sampled_from("ab/?=&%;'#~.{}"), max_size=60),
)
@example(text="--><script>x</script>", path="'&quot;{{ 7 }}")
@example(text='" onmouseover="x', path="")
@example(text="{{ 7 * 7 }}{% raw %}", path="%s")
@example(text="\0position\0", path="")
def test_no_text_changes_the_structure_of_the_html(renderer: Renderer, text: str, path: str) -> None:
    title, url = " ".join(text.split()) or "x", f"https://x.example/{path}"
    odd = paper(1, title=title, abstract=f"Word {title}", authors=(title,), categories=(title,), url=url)
    made = renderer.digest(digest(odd), subscriber())
    quiet = renderer.digest(digest(plain(odd)), subscriber())
    assert tags(made) == tags(quiet)
    assert [sorted(one.keys()) for one in tree(made).iter()] == [sorted(one.keys()) for one in tree(quiet).iter()]
    (shown,) = tree(made).iter("h2")
    assert words(shown) == " ".join(wording.title(odd).split())
    assert [str(one.get("href")) for one in shown.iter("a")] == [url]


def test_a_paper_of_a_title_and_nothing_else_is_fine(renderer: Renderer) -> None:
    made = renderer.digest(digest(paper(abstract="", authors=(), url="", categories=())), subscriber())
    (title,) = tree(made).iter("h2")
    assert title.find("a") is None
    assert "Read " not in made.text
    assert "\n\n\n\n" not in made.text
    assert not tree(made).xpath("//p[not(normalize-space())]")
    assert len(own_links(made.html)) == 5


def test_the_direction_of_each_text_is_its_own(renderer: Renderer) -> None:
    made = renderer.digest(
        digest(paper(title="גרפים דלילים", abstract="אנו מציעים דרך.", authors=("עדה כהן",))), subscriber()
    )
    for shown in ("גרפים דלילים", "אנו מציעים דרך.", "עדה כהן"):
        inner = [one for one in tree(made).iter("h2", "p", "i") if words(one) == shown]
        assert [one.get("dir") for one in inner] == ["auto"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"title": "word " * 1000, "abstract": "A long sentence without end " * 40, "authors": ("Ada Quill",) * 40},
        {"title": "x" * 200, "abstract": "y" * 300, "authors": ("Z" * 90,)},
        {"title": "界" * 100, "authors": ("עדה כהן",) * 9},
    ],
)
def test_no_line_of_the_text_is_longer_than_72_save_for_what_cannot_be_broken(
    templates: jinja2.Environment, changes: dict[str, object]
) -> None:
    # The host of a settings file may be long, too.
    renderer = Renderer(templates, Links("https://a-rather-long-name-of-a-host.papers.example.org", [KEY]))
    made = renderer.digest(digest(*(paper(number, **changes) for number in (1, 2, 12))), subscriber())
    for line in made.text.splitlines():
        words_in_line = re.sub(r"^ *(\d+\.|>)? *", "", line).split(" ")
        assert len(line) <= 72 or "https://" in line or len(words_in_line) == 1, line
    assert all(line == line.rstrip() for line in made.text.splitlines())


def test_twenty_long_papers_stay_under_ninety_thousand_bytes_even_encoded(renderer: Renderer) -> None:
    many = [
        paper(
            number,
            title="word " * 90,
            abstract="A sentence of seven words stands here. " * 60,
            authors=("Ada Quill",) * 40,
        )
        for number in range(1, 21)
    ]
    made = renderer.digest(digest(*many), subscriber(papers=20))
    assert len(tree(made).xpath("//h2")) == 20
    assert len(quopri.encodestring(made.html.encode())) < 90_000


def test_the_reasons_are_put_in_words(renderer: Renderer) -> None:
    reasons = [
        (paper(1), Reason(kind="terms", terms=("sparse retrieval", "index"))),
        (paper(2, upvotes=12), Reason(kind="trending")),
        (paper(3), Reason(kind="trending")),
    ]
    one = digest(*(shown for shown, _ in reasons))
    items = tuple(replace(item, reason=why) for item, (_, why) in zip(one.items, reasons, strict=True))
    text = renderer.digest(replace(one, items=items), subscriber()).text.replace("\N{NO-BREAK SPACE}", " ")
    assert re.findall(r"^  > (.+)$", text, re.MULTILINE) == [
        "Your terms: sparse retrieval · index",
        "Trending: twelve upvotes",
        "Trending: among the newest",
    ]


def test_the_same_digest_renders_to_the_same_words(templates: jinja2.Environment, renderer: Renderer) -> None:
    fresh = Renderer(environment(packaged("templates")), LINKS, postal_address="1 Quay Street, Ulm")
    assert fresh.digest(digest(), subscriber()) == renderer.digest(digest(), subscriber())


def test_the_mail_that_asks_to_confirm_has_its_one_link_in_both_parts(renderer: Renderer) -> None:
    link = LINKS.confirm(subscriber().id, NOW)
    made = renderer.confirm(subscriber(email="o'hara&co@example.org"), link)
    assert own_links(made.html) == own_links(made.text) == [link]
    for text in (words(tree(made)), " ".join(made.text.split())):
        assert "signed up o'hara&co@example.org" in text
        assert "48 hours" in text


@pytest.fixture
def override(tmp_path: Path) -> Path:
    (tmp_path / "own" / "email").mkdir(parents=True)
    return tmp_path / "own"


def rendered_with(override: Path, one: Digest | None = None) -> Rendered:
    return Renderer(environment(packaged("templates"), override), LINKS).digest(one or digest(), subscriber())


def test_a_folder_of_ones_own_replaces_single_files(override: Path, renderer: Renderer) -> None:
    (override / "email" / "digest.txt.j2").write_text("{{ items | length }} papers, {{ unsubscribe }}\n")
    made = rendered_with(override)
    assert made.text == f"3 papers, {LINKS.unsubscribe(subscriber().id)}\n"
    assert tags(made) == tags(Renderer(environment(packaged("templates")), LINKS).digest(digest(), subscriber()))


def test_html_of_ones_own_is_escaped_too(override: Path) -> None:
    (override / "email" / "digest.html.j2").write_text("<p>{{ items[0].title }}</p>")
    assert rendered_with(override, digest(paper(title="a < b & co"))).html == "<p>a &lt; b &amp; co</p>"


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("{{ tilte }}", "tilte"),
        ("{{ items[0].tilte }}", "tilte"),
        ("{% if %}", "digest.txt.j2"),
        ("{{ x | nosuch }}", "nosuch"),
    ],
)
def test_a_wrong_template_is_named_in_the_error(override: Path, source: str, named: str) -> None:
    (override / "email" / "digest.txt.j2").write_text(source)
    with pytest.raises(RenderError, match=r"email/digest") as caught:
        rendered_with(override)
    assert named in str(caught.value)


def test_a_folder_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no such folder; make it, or set 'templates'"):
        environment(packaged("templates"), tmp_path / "nothing")


def test_a_template_that_is_missing_is_an_error(tmp_path: Path) -> None:
    shutil.copytree(packaged("templates") / "web", tmp_path / "web")
    with pytest.raises(RenderError, match=r"email/_item"):
        Renderer(environment(tmp_path), LINKS).digest(digest(), subscriber())
