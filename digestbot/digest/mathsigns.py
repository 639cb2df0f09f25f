"""What the commands of LaTeX print, and letters with accents, above the line or below it. Pure."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

# Longer words are easier to read on the line: L_joint, but Lₘₐₓ.
_LONGEST_SMALL_WORD = 3
_RAISED = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθφχ⊤∘,°′″†‡®™*⋆",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᵠᵡᵀ°,°′″†‡®™*⋆",
        strict=True,
    )
)
_LOWERED = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ,", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ,", strict=True))
# Those that every font has; 𝔼 and 𝒪 are boxes in some mail programs, and spelled by screen readers.
DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))

TEXT_ACCENTS = dict(
    zip(
        "`'^~=u.\"rHvdckbt",
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328\u0331\u0361",
        strict=True,
    )
)
MATH_ACCENTS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0304",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
    "check": "\u030c",
    "breve": "\u0306",
    "acute": "\u0301",
    "grave": "\u0300",
    "mathring": "\u030a",
    "not": "\u0338",
}

_FUNCTIONS = """
log ln lg exp sin cos tan sec csc cot arcsin arccos arctan sinh cosh tanh max min sup inf lim limsup liminf arg argmax
argmin det dim ker gcd lcm Pr hom mod bmod rank tr Re Im
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())

# What pylatexenc has no word for, or a sign that few fonts hold.
_PAIRS = """
deg ° degree ° S § P ¶ ne ≠ neg ¬ land ∧ lor ∨ lt < gt > leqslant ≤ geqslant ≥ leadsto ⇝ implies ⇒ impliedby ⇐ iff ⇔
gets ← longrightarrow → longleftarrow ← Longrightarrow ⇒ Longleftrightarrow ⇔ longmapsto ↦ xrightarrow → xleftarrow ←
models ⊨ prime ′ bot ⊥ ast * epsilon ε phi φ imath ı jmath ȷ colon : coloneqq := bigstar ★ SS ẞ circledR ® pounds £
euro € copyright © ddag ‡ ddagger ‡ Box □ triangle △ Diamond ◇ checkmark ✓ cmark ✓ xmark ✗ LaTeX LaTeX TeX TeX
BibTeX BibTeX percent % textless < textgreater > textbar | textunderscore _ textasciicircum ^ lbrack [ rbrack ]
textbraceleft { textbraceright } per / eg e.g. ie i.e. etc etc. wrt w.r.t. aka a.k.a. cf cf.
"""
_WORDS = _PAIRS.split()
_BLANKS = ("space", "quad", "qquad", "enspace", "thinspace", "nobreakspace", "newline", "linebreak", "par", "item")
_SIGNS = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True)) | {"etal": "et al."} | dict.fromkeys(_BLANKS, " ")


def raised(text: str, *, following: str = "") -> str:
    """Return text as a superscript: in raised characters where there are all, else behind ``^``.

    ``following`` is what comes next; brackets keep it apart where one would not see the end.
    """
    return "™" if text.strip() == "TM" else _small("^", _RAISED, text.strip(), following)


def lowered(text: str, *, following: str = "") -> str:
    """Return text as a subscript: in lowered characters where there are all, else behind ``_``."""
    return _small("_", _LOWERED, text.strip(), following)


def accented(letter: str, accent: str) -> str:
    """Return a letter with a combining accent as one character where there is one; longer text stays as it is."""
    letter = {"ı": "i", "ȷ": "j"}.get(letter, letter)
    return unicodedata.normalize("NFC", letter + accent) if len(letter) == 1 and not letter.isspace() else letter


@lru_cache(maxsize=1024)
def sign_of(name: str) -> str:
    """Return what a command without arguments prints, "" when that is not known.

    pylatexenc prints the day for ``today``, which would make other bytes of the same digest tomorrow: here it is empty.
    """
    if name in _SIGNS or name == "today":
        return _SIGNS.get(name, "")
    printed = getattr(_known().get_macro_spec(name), "simplify_repl", None)
    return printed if isinstance(printed, str) and len(printed) <= max(2, len(name)) else ""


@lru_cache(maxsize=1)
def _known() -> Any:
    from pylatexenc.latex2text import (  # noqa: PLC0415 - large tables, and not always needed
        get_default_latex_context_db,
    )

    return get_default_latex_context_db()


def _small(mark: str, characters: dict[str, str], text: str, following: str) -> str:
    is_long = text.isalpha() and len(text) > _LONGEST_SMALL_WORD
    if characters.keys() >= set(text) and not is_long:
        return "".join(characters[character] for character in text)
    # x^2q is x²q, but nobody reads x_2q as x₂q.
    one_word = text.isalpha() or text.replace(".", "").isdigit() or (mark == "_" and text.isalnum())
    ends_visibly = one_word and not following.isalnum()
    return mark + text if len(text) == 1 or ends_visibly else f"{mark}({text})"
