"""The template environment: where templates are found, and what is done to them before they are compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2

from digestbot.digest.columns import aligned, wrapped
from digestbot.digest.inlining import Inliner
from digestbot.digest.sentences import said_already, teach
from digestbot.digest.words import Words
from digestbot.errors import RenderError


def environment(folder: Path, override: Path | None = None) -> jinja2.Environment:
    """Return the template environment; files in ``override`` replace ours one by one.

    HTML is escaped, text is not, and a name that a template misspells is an error. Templates of mails get the looks of
    their classes as inline styles when they are loaded, and speak the language of the ``words`` they are rendered with.
    """
    if override is not None and not override.is_dir():
        raise RenderError(f"{override}: there is no such folder; make it, or set 'templates' to \"\"")
    folders = [override, folder] if override else [folder]
    made = jinja2.Environment(
        loader=_InliningLoader([str(one) for one in folders]),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default_for_string=True, default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["wrapped"] = wrapped
    made.filters["aligned"] = aligned
    teach(made)
    return made


def speaking(templates: jinja2.Environment, words: Words) -> jinja2.Environment:
    """Return the environment with templates of mails that say in one language what they say without names."""
    folders = getattr(templates.loader, "searchpath", [])
    return templates.overlay(loader=_InliningLoader(folders, words))


class _InliningLoader(jinja2.FileSystemLoader):
    """Loads templates; those of mails with inline styles, and with what they say without names said already."""

    _inliner: Inliner | None = None

    def __init__(self, folders: Sequence[str], words: Words | None = None) -> None:
        super().__init__(folders)
        self._words = words

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_current = super().get_source(environment, template)
        if self._words and template.startswith("email/"):
            source = said_already(source, self._words, escaped=template.endswith(".html.j2"))
        if not (template.startswith("email/") and template.endswith(".html.j2")):
            return source, path, is_current
        if self._inliner is None:
            look, screen = (
                super(_InliningLoader, self).get_source(environment, f"email/{name}.css")[0]
                for name in ("_look", "_screen")
            )
            self._inliner = Inliner(look, screen)
        return self._inliner.inline(source), path, is_current
