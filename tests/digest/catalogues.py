"""Bring the catalogues of the mails' sentences up to date; ``make messages`` runs this file.

What is written depends on the sentences and their translations alone: no dates, places or versions.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path

from babel.messages import Catalog
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileParser, write_po

CHECKOUT = Path(__file__).resolve().parents[2]
LOCALE = CHECKOUT / "digestbot" / "locale"
# Beside gettext and its like those of digestbot.digest.wording that take a sentence of one and of many.
KEYWORDS = DEFAULT_KEYWORDS | {"_counted": (2, 3), "_sentence": (2, 3)}


class Catalogue(Catalog):
    """A catalogue whose head says what reading it takes, and nothing of when or by what it was written."""

    def _head(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale or "")),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    def _keep(self, headers: Iterable[tuple[str, str]]) -> None:
        self._set_mime_headers(headers)

    mime_headers = property(_head, _keep)


def sentences() -> Catalogue:
    """Return what stands in code and templates."""
    with (CHECKOUT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalogue()
    for _, _, message, comments, context in extract_from_dir(
        CHECKOUT,
        methods,
        options,
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
    ):
        found.add(message, auto_comments=comments, context=context)
    return found


def read(language: str) -> Catalogue:
    """Return what is translated; nothing for a language that is new."""
    catalogue, path = Catalogue(locale=language), source(language)
    if path.exists():
        with path.open("rb") as file:
            PoFileParser(catalogue, abort_invalid=True).parse(file)
    return catalogue


def updated(language: str) -> Catalogue:
    """Return what is translated of the sentences that there are now; what resembles a lost one is marked fuzzy."""
    catalogue = read(language)
    catalogue.update(sentences(), update_header_comment=True)
    catalogue.fuzzy = False
    catalogue.header_comment = "# What digestbot says to its readers; docs/translating.md tells how."
    return catalogue


def as_text(catalogue: Catalogue) -> bytes:
    """Return the file that is translated."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, no_location=True)
    return file.getvalue()


def compiled(catalogue: Catalogue) -> bytes:
    """Return the file that the program reads."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def missing(catalogue: Catalogue) -> list[str]:
    """Return the sentences that nobody has translated, or only a similar one."""
    return [
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue
        if message.id and (message.fuzzy or not all(translations(message)))
    ]


def translations(message: Message) -> list[str]:
    """Return a translation; of one with a number, that for each sort of number."""
    said = message.string or ""
    return [said] if isinstance(said, str) else list(said)


def source(language: str) -> Path:
    """Return where a language is translated."""
    return LOCALE / language / "LC_MESSAGES" / "digestbot.po"


def languages() -> list[str]:
    """Return the languages that there are translations into."""
    return sorted(path.parents[1].name for path in LOCALE.glob("*/LC_MESSAGES/digestbot.po"))


def main(new: Iterable[str]) -> None:
    """Write the catalogues of all languages, and of new ones."""
    for language in sorted({*languages(), *new}):
        catalogue, path = updated(language), source(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_text(catalogue))
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        print(f"{language}: {len(catalogue)} sentences, {len(missing(catalogue))} to translate")


if __name__ == "__main__":
    main(sys.argv[1:])
