"""What templates say, in the language of the ``words`` that they are rendered with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from digestbot.digest.words import ENGLISH, Words

# A sentence without names, by itself.
_SAID = re.compile(r"""\{\{ _\("(?P<message>[^"\\]*)"\) \}\}""")


def teach(environment: jinja2.Environment) -> None:
    """Let the templates of an environment say sentences."""
    environment.add_extension("jinja2.ext.i18n")
    # In place of the extension's own, each of which makes four calls of one.
    environment.globals.update({"_": _said, "gettext": _said, "ngettext": _said_of_many})
    vars(environment)["newstyle_gettext"] = True


def said_already(source: str, words: Words, *, escaped: bool) -> str:
    """Return a template's source with the sentences without names said: they are the same in every mail."""

    def said(found: re.Match[str]) -> str:
        text = _whole(words, found["message"])
        # Jinja would obey it.
        if "{" in text:
            return found[0]
        return str(escape(text)) if escaped else text

    return _SAID.sub(said, source)


@jinja2.pass_context
def _said(context: jinja2.runtime.Context, message: str, /, **values: Any) -> str:
    """Return a sentence in the language of the mail, its names filled in; it is text: what is markup is escaped."""
    words = _words_in(context)
    if not values:
        return _whole(words, message)
    return _sentence(words, message, bool(context.eval_ctx.autoescape)) % values


@jinja2.pass_context
def _said_of_many(context: jinja2.runtime.Context, one: str, many: str, number: int, /, **values: Any) -> str:
    """Return a sentence of one or of many; without a name of its own the number is called ``num``."""
    said = _words_in(context).ngettext(one, many, number)
    return (Markup.escape(said) if context.eval_ctx.autoescape else said) % {"num": number, **values}


def _words_in(context: jinja2.runtime.Context) -> Words:
    words = context.resolve_or_missing("words")
    return words if isinstance(words, Words) else ENGLISH


@lru_cache(maxsize=1024)
def _sentence(words: Words, message: str, escaped: bool) -> str:
    return Markup.escape(words.gettext(message)) if escaped else words.gettext(message)


@lru_cache(maxsize=1024)
def _whole(words: Words, message: str) -> str:
    # As in sentences with names, %% is a %.
    return words.gettext(message) % {}
