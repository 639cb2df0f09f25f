"""The text that LaTeX in a bibliography means. Linear in time, whatever is written there.

Only the names of signs come from pylatexenc: its own reader takes 5 us a character, and fails on unclosed groups.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    "u": "\u0306",
    ".": "\u0307",
    '"': "\u0308",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "d": "\u0323",
    "c": "\u0327",
    "k": "\u0328",
    "b": "\u0331",
}
_SIGNS = {
    "textgreater": ">",
    "textless": "<",
    "textbar": "|",
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textunderscore": "_",
    "textquotedblleft": "“",
    "textquotedblright": "”",
    "textendash": "–",
    "textemdash": "—",
    "ldots": "…",
    "dots": "…",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
    "BibTeX": "BibTeX",
    "textregistered": "®",
    "aa": "å",
    "AA": "Å",
    "copyright": "©",
    "pounds": "£",
    "i": "i",
    "j": "j",
}
_BREAKS = frozenset(("par", "newline", "linebreak", "quad", "qquad", "item", "space"))
_LIGATURES = {"---": "—", "--": "–", "``": "“", "''": "”", "~": " "}
_SPACES = {"\\": " ", " ": " ", "\n": " ", "\t": " ", ",": " ", ";": " ", ":": " ", "!": "", "/": "", "-": "", "@": ""}

_LETTER = r"(?:\\[ij](?![A-Za-z])|[^\W\d_])"
# Bounded repeats and no two that can share a character: each position is looked at a bounded number of times.
_TOKEN = re.compile(
    r"(?P<math>\$(?:[^$\\]|\\.)*+\$)"
    r"|\\(?P<accent>[`'^~=.\"]|[urHvdckb](?![A-Za-z]))\s{0,3}"
    rf"(?:\{{\s{{0,3}}(?P<braced>{_LETTER})\s{{0,3}}\}}|(?P<letter>{_LETTER}))"
    r"|\\(?:cite[a-z]{0,12}|label|ref|href|color|textcolor|begin|end|vspace|hspace)\*?\{[^{}]{0,300}\}"
    r"|\\(?P<word>[A-Za-z]+)\*?[ \t\n]*"
    r"|\\(?P<escaped>.)"
    r"|(?P<ligature>---?|``|''|~)"
    r"|(?P<dropped>[{}]+|\\)",
    re.DOTALL,
)


def plain_text(latex: str) -> str:
    """Return LaTeX as text: accents and signs as characters, commands and braces gone, ``$mathematics$`` as it is."""
    if not re.search(r"[\\{}~]|--|``|''", latex):
        return latex
    return _TOKEN.sub(_meaning, re.sub(r"(?<!\\)\\[()]", "$", latex))


def plain_address(latex: str) -> str:
    r"""Return an address or identifier without ``\url``, braces and escapes; ``%`` and ``~`` are its own."""
    if "\\" not in latex and "{" not in latex:
        return latex.strip()
    bare = re.sub(r"\\url\b|[{}]", "", latex.replace("{\\textasciitilde}", "~"))
    return re.sub(r"\\([_%&#~$])", r"\1", bare).strip()


def _meaning(token: re.Match[str]) -> str:
    kind, text = token.lastgroup, token[0]
    match kind:
        case "math":
            return text
        case "braced" | "letter":
            return unicodedata.normalize("NFC", token[kind].removeprefix("\\") + _ACCENTS[token["accent"]])
        case "word":
            return " " if token["word"] in _BREAKS else _signs().get(token["word"], "")
        case "escaped":
            return _SPACES.get(token["escaped"], token["escaped"])
        case "ligature":
            return _LIGATURES[text]
    return ""


@lru_cache(maxsize=1)
def _signs() -> dict[str, str]:
    """Return the characters that commands without arguments stand for."""
    from pylatexenc.latexencode import (  # noqa: PLC0415 - a large table
        get_builtin_uni2latex_dict,
    )

    signs: dict[str, str] = {}
    for code, command in get_builtin_uni2latex_dict().items():
        if found := re.fullmatch(r"\{?(?:\\ensuremath\{)?\\([A-Za-z]+)\}{0,2}", command):
            signs.setdefault(found[1], chr(code))
    return signs | _SIGNS
