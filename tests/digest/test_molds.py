"""Molds: what is made of one is what the template makes, whatever the template does with its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape

from digestbot.digest.environment import environment
from digestbot.digest.molds import Fill, Place, filling, printed
from digestbot.digest.pieces import Pieces, Shared
from digestbot.digest.reasons import reason
from digestbot.digest.render import Renderer
from digestbot.errors import RenderError
from digestbot.links import Links
from digestbot.models import DigestItem
from digestbot.settings import packaged
from tests.digest.test_german_mails import german_digest
from tests.factories import KEY, digest, paper, subscriber

LINKS = Links("https://papers.example.org", [KEY])
LONG = "<long> words % " * 20
# Each asks a value for more than to be printed.
ASKING = [
    "{{ why | upper }}",
    "{{ why | wrapped }}",
    "{{ why ~ '!' }}",
    "{{ why[:3] }}",
    "{{ why | length }}",
    "{% if why %}yes{% endif %}",
    "{% if why == 'Trending' %}yes{% endif %}",
    "{{ '%s' | format(why) }}",
    "{{ 'yes' if why in ('a', 'b') else 'no' }}",
    "{{ _('For %(who)s', who=why) }}",
    "{{ why is string }}",
    "{% set x %}{{ why }}{% endset %}{{ x | upper }}",
    "{% set x %}{{ why }}, {{ number }}{% endset %}{{ x | wrapped }}",
    "{% filter upper %}{{ why }}{% endfilter %}",
]
PRINTING = [
    "",
    "nothing of one's own",
    "{{ why }}",
    "{{ why }}{{ number }}{{ why }} 100 %\n%(why)s %%",
    "first\n{{ why }}\nlast\n",
    "{% set x = why %}{{ x }}\n{% for one in (1, 2) %}{{ number }}\n{% endfor %}",
    "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(why) }}",
]


def fill(source: str, *, html: bool, **known: Any) -> tuple[Callable[[Mapping[str, Any]], str], Fill]:
    """Return what a template gives, and what is made of it."""
    templates = environment(packaged("templates"))
    # Not by select_autoescape, which goes by names.
    templates.autoescape = html
    ordinary, placed = templates.from_string(source), templates.overlay(finalize=printed).from_string(source)

    def guarded(values: Mapping[str, Any]) -> str:
        try:
            return placed.render({**known, **values})
        except (TypeError, jinja2.TemplateError) as error:
            raise RenderError("not so") from error

    def plain(values: Mapping[str, Any]) -> str:
        return ordinary.render({**known, **values})

    return plain, filling(plain, guarded, {"why": LONG, "number": 99}, escape if html else str)


@pytest.mark.parametrize("html", [True, False])
@pytest.mark.parametrize("source", [*PRINTING, *ASKING])
@settings(deadline=None)
@given(why=st.text(max_size=80), number=st.integers())
@example(why="Trending", number=1)
@example(why="", number=0)
@example(why="\0number\0 % %(why)s <b>", number=1)
def test_a_template_gives_what_it_gives_whatever_it_asks_of_its_values(
    source: str, html: bool, why: str, number: int
) -> None:
    ordinary, filled = remembered(source, html)
    values = {"why": why, "number": number}
    assert str(filled(values)) == ordinary(values)


_REMEMBERED: dict[tuple[str, bool], tuple[Callable[[Mapping[str, Any]], str], Fill]] = {}


def remembered(source: str, html: bool) -> tuple[Callable[[Mapping[str, Any]], str], Fill]:
    if (source, html) not in _REMEMBERED:
        _REMEMBERED[source, html] = fill(source, html=html)
    return _REMEMBERED[source, html]


def test_only_the_lines_with_values_of_their_own_are_made_anew() -> None:
    _, filled = fill("one\ntwo\n{{ why }}\nthree\n{{ number }}, {{ why }}\n", html=False)
    first, second = (filled({"why": why, "number": 1}) for why in "ab")
    assert first == ["one\ntwo\n", "a\n", "three\n", "1, a\n"]
    assert [isinstance(piece, Shared) for piece in first] == [True, False, True, False]
    assert all(one is other for one, other in zip(first, second, strict=True) if isinstance(one, Shared))


@pytest.mark.parametrize("source", ASKING)
def test_what_asks_anything_of_a_value_is_one_piece_and_shared_by_none(source: str) -> None:
    _, filled = fill(source, html=True)
    (piece,) = filled({"why": "a", "number": 1})
    assert not isinstance(piece, Shared)


def test_a_known_text_that_looks_like_a_place_is_none() -> None:
    ordinary, filled = fill("{{ title }}\n{{ why }}\n", html=True, title="\0why\0")
    values = {"why": "a", "number": 1}
    assert str(filled(values)) == ordinary(values) == "\0why\0\na\n"


def test_pieces_are_put_between_whole_lines_as_they_are() -> None:
    templates = environment(packaged("templates")).overlay(autoescape=True)
    source = "<p>top\n{{ papers }}<p>{{ why }}\n"
    ordinary, placed = templates.from_string(source), templates.overlay(finalize=printed).from_string(source)
    trial = {"papers": Pieces(["<i>\n", "<b>\n"]), "why": LONG}
    filled = filling(ordinary.render, placed.render, trial, escape)
    papers = Pieces([Shared("<hr>\n"), "<br>\n", "<br>\n"])
    made = filled({"papers": papers, "why": "&"})
    assert made == ["<p>top\n", "<hr>\n", "<br>\n", "<br>\n", "<p>&amp;\n"]
    assert made[1] is papers[0]
    assert str(made) == ordinary.render(papers=papers, why="&")


def test_a_place_says_nothing() -> None:
    place = Place("why")
    for ask in (bool, str, repr, hash, format, Markup, lambda one: one == "a", lambda one: one != "a"):
        with pytest.raises(TypeError, match="why is not known yet"):
            ask(place)
    others: list[Callable[[Any], object]] = [len, iter, int, lambda one: one + "a", lambda one: one < 1]
    for other in others:
        with pytest.raises(TypeError):
            other(place)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("_item.html.j2", "<p>{{ item.why | upper }}{% if item.position == 1 %}first{% endif %}</p>\n"),
        ("_item.txt.j2", "{% set x %}{{ item.phrase }}: {{ item.why }}{% endset %}{{ x | wrapped('> ') }}\n"),
        ("_paper.html.j2", "<p>{{ paper.title | upper }}</p>\n"),
        ("digest.html.j2", "{% for item in items %}{{ item.position }} {{ item.title }} {{ item.html }}{% endfor %}"),
        ("digest.txt.j2", "{{ lead | upper }}\n{% for item in items %}{{ item.why }}: {{ item.text }}{% endfor %}"),
    ],
)
def test_a_template_of_ones_own_is_free_to_ask(
    tmp_path: Path, templates: jinja2.Environment, name: str, source: str
) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / name).write_text(source)
    own = Renderer(environment(packaged("templates"), tmp_path), LINKS)
    reader = subscriber()
    for one in (german_digest(reader), digest(*map(paper, (7, 1)))):
        made, ours = own.digest(one, reader), Renderer(templates, LINKS).digest(one, reader)
        html, text = (made.html, made.text)
        for number, item in enumerate(one.items, 1):
            if name == "_item.html.j2":
                why = wording_of(item).upper()
                assert f"<p>{escape(why)}{'first' if number == 1 else ''}</p>" in html
            elif name == "_paper.html.j2":
                assert f"<p>{item.paper.title.upper()}</p>" in html
            elif name == "digest.html.j2":
                assert f"{number} {item.paper.title} <" in html
            else:
                assert wording_of(item).split(" ")[0] in text
        assert (text == ours.text) == name.endswith("html.j2")
        assert (html == ours.html) == name.endswith("txt.j2")


def wording_of(item: DigestItem) -> str:
    return reason(item.reason, item.paper)[1]
