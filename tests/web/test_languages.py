"""The language of the pages: that of the digest, of the reader, or of the browser where there is no reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot.models import LANGUAGES, SubscriberState
from digestbot.settings import packaged
from digestbot.store import Preferences
from digestbot.web.app import create_app
from digestbot.web.languages import preferred
from tests.factories import NOW, paper
from tests.web.conftest import Site, form_fields, heading, tree, words
from tests.web.library import OWLS, ROBOTS, Library

Visit: TypeAlias = Callable[[Site], Any]

FORM = {"send_at": "06:30", "timezone": "Europe/Berlin", "days": "weekdays", "papers": "5"}


# What a browser asks for


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-CH-1901, en", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("de,en-US;q=0.7,en;q=0.3", "de"),
        ("fr-FR, fr;q=0.9, de;q=0.2", "de"),
        ("en;q=0.1, de ; q=0.2", "de"),
        ("fr, ja", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        ("de;q=0.5, *", "en"),
        ("en;q=0, *", "de"),
        ("de;q=0", "en"),
        ("de;q=0.000, en;q=0", "en"),
        ("de;q=2, en;q=0.1", "en"),
        ("de;q=, de;x=1, ;q=1, ,", "en"),
        ("deutsch", "en"),
        ("de_DE", "en"),
    ],
)
def test_of_our_languages_the_browser_gets_the_one_it_wants_most(header: str, language: str) -> None:
    assert preferred(header) == language


@given(st.text() | st.text(st.sampled_from("deEN-*;q=0.15, \t")))
@example("de;q=\u0661")
def test_whatever_a_browser_asks_for_is_answered_in_one_of_our_languages(header: str) -> None:
    assert preferred(header) in LANGUAGES


@given(st.permutations(["de;q=0.9", "en;q=0.4", "fr", "*;q=0.1"]))
def test_the_order_of_languages_with_different_weights_does_not_matter(ranges: list[str]) -> None:
    assert preferred(", ".join(ranges)) == "de"


# What pages say


def pressed(site: Site, address: str, number: int = 0, **data: str) -> Any:
    """Open a page, and press the button of its form."""
    return submitted(site, address, tree(site.client.get(address)).forms[number], **data)


def submitted(site: Site, address: str, form: Any, **data: str) -> Any:
    return site.client.post(address, data=form_fields(form) | data)


def undone(site: Site) -> Any:
    return submitted(site, site.feedback, tree(site.client.post(site.feedback, data={"p2": "like"})).forms[0])


def taken_for_a_scanners(site: Site) -> Any:
    site.client.post(site.feedback, data=dict.fromkeys(("p1", "p2", "p3"), "like"))
    return site.client.post(site.feedback, data=dict.fromkeys(("p1", "p2", "p3"), "dislike"))


def wrong(**choice: str) -> Visit:
    return lambda site: site.client.post(site.preferences, data=FORM | choice)


def in_state(state: SubscriberState, visit: Visit) -> Visit:
    def visited(site: Site) -> Any:
        site.store.subscribers.set_state(site.reader.id, state, NOW)
        return visit(site)

    return visited


def confirm_link(site: Site) -> str:
    return site.links.confirm(site.reader.id, NOW)


def come_back(site: Site) -> Any:
    return site.client.post(site.unsubscribe, data={"again": "1"})


PENDING, PAUSED, LEFT, BOUNCED = (
    getattr(SubscriberState, name) for name in ("PENDING", "PAUSED", "UNSUBSCRIBED", "BOUNCED")
)
OF_READERS: dict[str, Visit] = {
    "feedback": lambda site: site.client.get(site.feedback),
    "liked": lambda site: site.client.get(f"{site.feedback}?like=2"),
    "disliked": lambda site: site.client.get(f"{site.feedback}?dislike=2"),
    "recorded": lambda site: pressed(site, site.feedback, p1="like", p2="dislike"),
    "all but one recorded": lambda site: site.client.post(site.feedback, data={"p1": "like", "p2": "like"}),
    "taken back": undone,
    "nothing recorded": lambda site: pressed(site, site.feedback),
    "not counted": taken_for_a_scanners,
    "form of another list": lambda site: site.client.post(site.feedback, data={"p9": "like"}),
    "unsubscribe": lambda site: site.client.get(site.unsubscribe),
    "unsubscribed": lambda site: pressed(site, site.unsubscribe),
    "welcome back": in_state(LEFT, come_back),
    "nothing to undo": in_state(BOUNCED, come_back),
    "preferences": lambda site: site.client.get(site.preferences),
    "saved": lambda site: site.client.post(site.preferences, data=FORM),
    "saved and paused": lambda site: site.client.post(site.preferences, data=FORM | {"pause": "1"}),
    "nothing to set": in_state(LEFT, lambda site: site.client.get(site.preferences)),
    "wrong time": wrong(send_at="25:00"),
    "wrong zone": wrong(timezone="Mars"),
    "no day": wrong(days="some"),
    "wrong days": wrong(days="never"),
    "wrong number": wrong(papers="0"),
    "wrong language": wrong(language="xx"),
    "confirm": in_state(PENDING, lambda site: site.client.get(confirm_link(site))),
    "confirmed": in_state(PENDING, lambda site: site.client.post(confirm_link(site))),
    "confirmed long ago": in_state(PAUSED, lambda site: site.client.get(confirm_link(site))),
}


def not_signed(page: str) -> Visit:
    return lambda site: site.client.get(f"/{page}/x")


def too_large(page: str) -> Visit:
    return lambda site: site.client.post(getattr(site, page), data={"p1": "x" * 70_000})


def erased(page: str) -> Visit:
    def visited(site: Site) -> Any:
        site.erase_reader()
        return site.client.get(confirm_link(site) if page == "confirm" else getattr(site, page))

    return visited


OF_NOBODY: dict[str, Visit] = {
    "nowhere": lambda site: site.client.get("/nowhere"),
    "another method": lambda site: site.client.put(site.unsubscribe),
    **{f"link of /{page} that is not ours": not_signed(page) for page in "fupc"},
    **{f"erased {page}": erased(page) for page in ("feedback", "unsubscribe", "preferences", "confirm")},
    **{f"{page} too large": too_large(page) for page in ("feedback", "preferences")},
}
# What is the same in every language: names, numbers, and what readers and sources wrote.
NO_SENTENCES = {
    *("digestbot", "· digestbot", "Ada Quill, Bela Vane", "cs.IR", "English", "Deutsch"),
    *(f"Sparse retrieval, part {number}" for number in (1, 2, 3)),
}


def said(page: Any) -> set[str]:
    """Return the texts of a page, and what is read aloud in their place."""
    texts = tree(page).xpath("//text()[not(parent::style)] | //@aria-label | //@title | //@alt | //@placeholder")
    pieces = {" ".join(part.split()) for text in texts for part in str(text).split("·")}
    return {one for one in pieces if any(map(str.isalpha, one))} - NO_SENTENCES


@pytest.fixture
def sites(site_of: Callable[..., Site]) -> dict[str, Site]:
    """The pages of an English and of a German reader."""
    papers = [paper(number) for number in (1, 2, 3)]
    return {one: site_of(*papers, language=one, email=f"{one}@example.org") for one in LANGUAGES}


@pytest.mark.parametrize("name", OF_READERS)
def test_a_page_speaks_the_language_of_its_reader_whatever_the_browser_asks_for(
    sites: dict[str, Site], name: str
) -> None:
    pages = {}
    for language, other in (("en", "de"), ("de", "en")):
        sites[language].client.headers["Accept-Language"] = other
        pages[language] = OF_READERS[name](sites[language])
        assert tree(pages[language]).get("lang") == language
    assert pages["en"].status_code == pages["de"].status_code
    assert said(pages["en"]) & said(pages["de"]) == set()


@pytest.mark.parametrize("name", OF_NOBODY)
def test_a_page_without_a_reader_speaks_the_language_of_the_browser(sites: dict[str, Site], name: str) -> None:
    pages = {}
    for language, other in (("en", "de"), ("de", "en")):
        site = sites[other]
        site.client.headers["Accept-Language"] = language
        pages[language] = OF_NOBODY[name](site)
        assert tree(pages[language]).get("lang") == language
        assert pages[language].headers["vary"] == "Accept-Language"
    assert said(pages["en"]) & said(pages["de"]) == set()


def test_when_the_store_fails_that_is_said_in_the_language_of_the_browser(site: Site) -> None:
    with site.store.database.write() as connection:
        connection.execute("alter table digests rename to gone")
    answer = site.client.get(site.feedback, headers={"Accept-Language": "de"})
    assert (answer.status_code, heading(answer)) == (503, "Das geht gerade leider nicht")


def test_when_a_page_fails_that_is_said_in_the_language_of_the_browser(site: Site) -> None:
    class Broken:
        def find(self, identifier: int) -> None:
            raise KeyError(identifier)

    app = site.client.app
    assert isinstance(app, Starlette)
    broken = create_app(replace(app.state.pages, digests=Broken()))
    with TestClient(broken, raise_server_exceptions=False) as client:
        answer = client.get(site.feedback, headers={"Accept-Language": "de"})
    assert answer.status_code == 500
    assert "Es wurde nichts gespeichert." in answer.text
    assert answer.headers["vary"] == "Accept-Language"


def test_a_digest_keeps_its_language_on_its_page(sites: dict[str, Site]) -> None:
    site = sites["de"]
    site.store.subscribers.edit(site.reader.id, lambda _: Preferences(language="en"), NOW)
    assert tree(site.client.get(site.feedback)).get("lang") == "de"
    assert tree(site.client.post(site.feedback, data={"p1": "like"})).get("lang") == "de"
    assert tree(site.client.get(site.preferences)).get("lang") == "en"


def test_who_chooses_another_language_is_answered_in_it(sites: dict[str, Site]) -> None:
    site = sites["en"]
    answer = site.client.post(site.preferences, data=FORM | {"language": "de"})
    assert (tree(answer).get("lang"), heading(answer)) == ("de", "Einstellungen")
    assert heading(site.client.get(site.unsubscribe)) == "Abbestellen?"
    # What cannot be saved changes nothing, the language of the answer included.
    answer = site.client.post(site.preferences, data=FORM | {"language": "en", "papers": "0"})
    assert tree(answer).xpath("string(//*[@role='alert'])") == (
        "Nicht gespeichert. Die Anzahl der Arbeiten muss zwischen 1 und 50 liegen."
    )


def test_days_are_named_as_the_language_names_them(sites: dict[str, Site]) -> None:
    assert tree(sites["de"].client.get(sites["de"].feedback)).xpath("string(//i)") == "27. Mai 2025"
    assert tree(sites["en"].client.get(sites["en"].feedback)).xpath("string(//i)") == "27 May 2025"
    labels = tree(sites["de"].client.get(sites["de"].preferences)).xpath("//label[input/@type='checkbox']")
    named = [one.text_content().strip() for one in labels]
    assert named[:7] == ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]


@pytest.mark.parametrize(
    ("marked", "left"),
    [
        ({"p1": "like"}, "Die anderen zwei Arbeiten markieren"),
        ({"p1": "like", "p2": "like"}, "Die andere Arbeit markieren"),
        ({"p1": "like", "p2": "like", "p3": "like"}, "Zurück zur Liste"),
    ],
)
def test_the_papers_that_are_left_are_counted_in_words(
    sites: dict[str, Site], marked: dict[str, str], left: str
) -> None:
    answer = sites["de"].client.post(sites["de"].feedback, data=marked)
    assert tree(answer).xpath("string(//p[@class='end'])") == left


def test_the_style_sheet_counts_and_says_no_word(site: Site) -> None:
    page = tree(site.client.get(site.feedback))
    assert page.xpath("string(//span[@class='count']/..)") == " marked"
    strings = re.findall(r'"([^"]*)"', page.findtext("head/style"))
    assert strings
    # A sign is written by its number.
    assert not [one for one in strings if re.search(r"[^\W_]", re.sub(r"\\[0-9a-f]{4}", "", one))]


# The page of a paper


def test_the_page_of_a_paper_speaks_the_language_of_the_browser(library: Library) -> None:
    pages = {
        language: library.client.get(library.links.paper(OWLS.id), headers={"Accept-Language": f"{language}, fr"})
        for language in ("fr", "en", "de")
    }
    assert [tree(page).get("lang") for page in pages.values()] == ["en", "en", "de"]
    assert {page.headers["vary"] for page in pages.values()} == {"Accept-Language"}
    assert pages["fr"].text == pages["en"].text
    for said_so in ("Auf arXiv lesen", "27. Mai 2025", "Ähnliche Arbeiten", "Gemeinsame Begriffe"):
        assert said_so in words(pages["de"])
    # What was found for one language is there for the other.
    assert library.asked == 1


def test_what_a_paper_lacks_is_said_in_german_too(library_of: Callable[..., Library]) -> None:
    library = library_of(paper(5, abstract="", authors=tuple(f"Ann A{number}" for number in range(1234))), ROBOTS)
    library.client.headers["Accept-Language"] = "de"
    text = words(library.page(paper(5)))
    assert "Ann A29 und 1.204 weitere" in text
    assert "Die Quelle enthält keine Zusammenfassung." in text
    assert "Keine andere Arbeit hier hat viel mit dieser gemeinsam." in text
    assert heading(library.client.get("/paper/arxiv:1")) == "Diese Arbeit gibt es hier nicht"
    moved = library.client.get("/paper/2505.00005")
    assert (moved.status_code, moved.headers["vary"]) == (301, "Accept-Language")
    assert heading(moved) == "Diese Arbeit hat eine andere Adresse"


# What templates say


@pytest.mark.parametrize("name", sorted(path.name for path in (packaged("templates") / "web").glob("*.html.j2")))
def test_a_template_says_nothing_but_sentences_of_the_catalogue(templates: jinja2.Environment, name: str) -> None:
    source = (packaged("templates") / "web" / name).read_text(encoding="utf-8")
    bare = "".join(value for _, kind, value in templates.lex(source) if kind == "data")
    assert not re.search(r"\w", re.sub(r"<!?[/\w][^<>]*>|&\w+;", "", bare).replace("digestbot", ""))
    assert not re.search(r"""\b(?:aria-label|title|alt|placeholder)="[^"]*\w""", bare)
