"""Styles of mail templates: classes become inline styles, once for each template and not for each mail.

Mail programs strip style blocks. Templates name classes, and one style sheet says what they look like; css-inline
works out what each combination of classes comes to, and the template gets it in its ``style`` attributes before it is
compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape

# A name may be completed by Jinja: <h{{ level }} class="...">.
_TAG = re.compile(r"<[a-z][^<>]*?\sclass=\"(?P<classes>[\w\- ]*)\"[^<>]*>")
_CLASS = re.compile(r"\sclass=\"[\w\- ]*\"")
_STYLE = re.compile(r"\sstyle=\"(?P<style>[^\"]*)\"")


class Inliner:
    """Inlines one style sheet, of class selectors alone, into templates.

    Classes that ``kept``, the style block of the mails, speaks of stay: it changes looks in the dark.
    """

    def __init__(self, sheet: str, kept: str) -> None:
        self._sheet = sheet
        self._kept = frozenset(re.findall(r"\.([a-z][\w\-]*)", kept))
        self._styles: dict[str, str] = {"": ""}

    def inline(self, template: str) -> str:
        """Return a template with the looks of its classes as ``style``; what a tag says of its own comes behind."""
        self._learn(found["classes"] for found in _TAG.finditer(template))
        return _TAG.sub(self._styled, template)

    def _learn(self, combinations: Iterable[str]) -> None:
        new = sorted(set(combinations) - self._styles.keys())
        if not new:
            return
        # Loads in some milliseconds what most commands never need.
        import css_inline  # noqa: PLC0415 - as said

        inliner = css_inline.CSSInliner(extra_css=self._sheet, load_remote_stylesheets=False)
        made = inliner.inline("".join(f'<p class="{classes}"></p>' for classes in new))
        tags = re.findall(r"<p\b[^>]*>", made)
        for classes, tag in zip(new, tags, strict=True):
            found = _STYLE.search(tag)
            self._styles[classes] = _short(unescape(found["style"])) if found else ""

    def _styled(self, found: re.Match[str]) -> str:
        tag, classes = found[0], found["classes"]
        own = _STYLE.search(tag)
        style = ";".join(filter(None, [self._styles[classes], own["style"].strip("; ") if own else ""]))
        kept = " ".join(name for name in classes.split() if name in self._kept)
        tag = _CLASS.sub(f' class="{kept}"' if kept else "", tag, count=1)
        if own:
            tag = _STYLE.sub("", tag, count=1)
        if not style:
            return tag
        end = "/>" if tag.endswith("/>") else ">"
        return f'{tag[: -len(end)]} style="{_quoted(style)}"{end}'


def _short(style: str) -> str:
    return ";".join(re.sub(r"\s*:\s*", ":", part.strip(), count=1) for part in style.split(";") if part.strip())


def _quoted(style: str) -> str:
    # What Jinja fills in stays as it is.
    return style if "{{" in style else escape(style, quote=False).replace('"', "&quot;")
