"""What a terminal shows of mails, and the list of an inbox."""

from __future__ import annotations

import re

import jinja2
import pytest
from lxml import html

from digestbot.digest import wording
from digestbot.digest.render import Rendered, Renderer
from digestbot.links import Links
from digestbot.models import LANGUAGES
from tests.factories import KEY, NOW, digest, paper, subscriber

LINKS = Links("https://papers.example.org", [KEY])


@pytest.fixture(scope="session")
def renderer(templates: jinja2.Environment) -> Renderer:
    return Renderer(templates, LINKS)


def page(rendered: Rendered) -> html.HtmlElement:
    return html.document_fromstring(rendered.html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_terminal_of_80_columns_breaks_no_link(renderer: Renderer, language: str) -> None:
    reader = subscriber(language=language)
    text = renderer.digest(digest(*map(paper, range(1, 51)), reader=reader), reader).text
    links = [line for line in text.splitlines() if "://" in line]
    assert any(line.endswith("?dislike=50") for line in links)
    assert max(map(len, links)) <= 80
    # Whole, and alone on its line or behind what it is called.
    assert all(re.fullmatch(r"\w* *https://\S+", line) for line in links)


def test_a_digest_alone_hides_what_an_inbox_shows_behind_its_subject(renderer: Renderer) -> None:
    reader = subscriber()
    notes = [
        renderer.confirm(reader, LINKS.confirm(reader.id, NOW)),
        renderer.welcome(reader, NOW),
        renderer.quiet(reader, NOW),
        renderer.goodbye(reader),
        renderer.trial("A test", [("To", reader.email)]),
    ]
    assert [page(made).xpath("//*[contains(@style, 'display:none')]") for made in notes] == [[]] * 5
    one = digest()
    (hidden,) = page(renderer.digest(one, reader)).xpath("//*[contains(@style, 'display:none')]")
    assert " ".join(hidden.text_content().split()).startswith(wording.preheader(one))
