"""A pair of templates makes the two parts of a mail; what goes wrong in one is a ``RenderError`` that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import escape

from digestbot.digest.environment import speaking
from digestbot.digest.molds import Fill, filling, printed
from digestbot.digest.words import Words
from digestbot.errors import RenderError
from digestbot.models import LANGUAGES

_HTML, _TEXT = "html", "txt"


class Parts:
    """Renders mail templates, each in a language."""

    def __init__(self, templates: jinja2.Environment) -> None:
        self._templates = lru_cache(maxsize=len(LANGUAGES))(lambda words: speaking(templates, words))
        self._with_places = lru_cache(maxsize=len(LANGUAGES))(
            lambda words: speaking(templates, words).overlay(finalize=printed)
        )

    def made(self, name: str, words: Words, values: Mapping[str, Any]) -> tuple[str, str]:
        """Return the HTML and the text of a template."""
        templates = self._templates(words)
        return _render(templates, name, _HTML, words, values), _render(templates, name, _TEXT, words, values)

    def fillings(
        self,
        name: str,
        words: Words,
        values: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        trial: Mapping[str, Any],
    ) -> tuple[Fill, Fill]:
        """Return what makes the HTML and the text of a template.

        ``values`` gives all that the template is told, for those that differ from mail to mail; ``trial`` are such.
        """

        def one(kind: str, write: Callable[[Any], str]) -> Fill:
            return filling(
                lambda own: _render(self._templates(words), name, kind, words, values(own)),
                lambda own: _render(self._with_places(words), name, kind, words, values(own)),
                trial,
                write,
            )

        return one(_HTML, escape), one(_TEXT, str)


def _render(templates: jinja2.Environment, name: str, kind: str, words: Words, values: Mapping[str, Any]) -> str:
    try:
        return templates.get_template(f"email/{name}.{kind}.j2").render(values, words=words)
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        where = f"email/{name}" if not isinstance(error, jinja2.TemplateSyntaxError) else error.filename
        raise RenderError(f"template {where}: {error}") from error
