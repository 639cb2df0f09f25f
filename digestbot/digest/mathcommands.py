r"""What the commands of LaTeX do with their arguments: ``\frac{a}{b}`` is a/b, ``\emph{word}`` is the word. Pure.

No command here reads a file, defines another one or repeats anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from digestbot.digest.mathsigns import DOUBLE_STRUCK, MATH_ACCENTS, accented, lowered, raised

# "available at \href{…}{here}" says nothing without its link.
_POINTERS = frozenset(("here", "link", "this link", "url", "this url", "this https url", "website", "github"))
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_SEVERAL_PARTS = re.compile(r"[\s+\-−*/,=<>·×±]")

_FONTS_OF_PROSE = """
textbf textit texttt textsc textrm textsf textsl textmd textup textnormal text emph mbox hbox fbox
"""
_OTHER_FONTS = """
underline uline ul hl sout enquote mathbf mathit mathrm mathsf mathtt mathcal mathscr mathfrak boldsymbol bm pmb
ensuremath lowercase uppercase overbrace underbrace boxed num unit si title section subsection paragraph
"""
_SWITCHES = """
bf em it tt rm sc sf sl bfseries itshape ttfamily tiny scriptsize footnotesize small normalsize large Large LARGE huge
Huge boldmath centering displaystyle textstyle scriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr
Bigl Bigr biggl biggr Biggl Biggr xspace protect noindent relax today nonumber notag nobreak allowbreak selectfont
unskip ignorespaces maketitle smallskip medskip bigskip newpage clearpage
"""
_SILENT = """
cite citep citet citealp citealt citeauthor citeyear citeyearpar parencite textcite autocite footcite onlinecite nocite
ref eqref autoref cref Cref pageref nameref label tag index vspace hspace vskip hskip color begin end thanks input
include includegraphics bibliography bibliographystyle usepackage documentclass phantom hphantom vphantom pagestyle
setlength hypersetup
"""
# They print nothing, and what stands behind them is not their argument: \left(, {\em word}.
SWITCHES = frozenset(_SWITCHES.split())
# Their arguments are not for readers: names of other places, lengths, files, colours.
SILENT = frozenset(_SILENT.split())


class Reading(Protocol):
    """The text behind a command."""

    @property
    def following(self) -> str:
        """Return the next character, "" at the end."""

    def argument(self, *, math: bool) -> str:
        """Read an argument as text: a group, or one sign."""

    def raw(self) -> str:
        """Read a group as it stands, "" when there is none."""

    def option(self) -> str:
        """Read what stands in square brackets, "" when there are none."""

    def verbatim(self) -> str:
        """Read what stands between two equal signs."""


def _prose(reading: Reading, _math: bool) -> str:
    return reading.argument(math=False)


def _same(reading: Reading, math: bool) -> str:
    return reading.argument(math=math)


def _double_struck(reading: Reading, math: bool) -> str:
    return "".join(DOUBLE_STRUCK.get(letter, letter) for letter in reading.argument(math=math))


def _operator(reading: Reading, math: bool) -> str:
    word = reading.argument(math=math).strip()
    return word + " " if reading.following.isalpha() else word


def _with_accent(accent: str) -> Callable[[Reading, bool], str]:
    return lambda reading, math: accented(reading.argument(math=math), accent)


def _within(opening: str, closing: str) -> Callable[[Reading, bool], str]:
    return lambda reading, _math: f"{opening}{reading.argument(math=True).strip()}{closing}"


def _fraction(reading: Reading, _math: bool) -> str:
    above, below = reading.argument(math=True), reading.argument(math=True)
    return f"{_one_part(above.strip())}/{_one_part(below.strip())}"


def _root(reading: Reading, _math: bool) -> str:
    return f"{raised(reading.option())}√{_one_part(reading.argument(math=True).strip())}"


def _binomial(reading: Reading, _math: bool) -> str:
    return f"({reading.argument(math=True)} choose {reading.argument(math=True)})"


def _modulo(reading: Reading, _math: bool) -> str:
    return f"(mod {reading.argument(math=True)})"


def _behind(skipped: int) -> Callable[[Reading, bool], str]:
    def last(reading: Reading, math: bool) -> str:
        for _ in range(skipped):
            reading.option()
            reading.raw()
        return reading.argument(math=math)

    return last


def _superscript(reading: Reading, _math: bool) -> str:
    return raised(reading.argument(math=False), following=reading.following)


def _subscript(reading: Reading, _math: bool) -> str:
    return lowered(reading.argument(math=False), following=reading.following)


def _link(reading: Reading, _math: bool) -> str:
    address = _address(reading, False)
    label = reading.argument(math=False).strip() if reading.following in {"{", " "} else ""
    return label if label and label.lower() not in _POINTERS else address


def _address(reading: Reading, _math: bool) -> str:
    return re.sub(r"\\([_%&#~$])", r"\1", reading.raw()).strip()


def _code_point(reading: Reading, _math: bool) -> str:
    try:
        return chr(int(reading.raw().strip().lower().replace("x", "0x"), 0))
    except (ValueError, OverflowError):
        return ""


def _note(reading: Reading, _math: bool) -> str:
    note = reading.argument(math=False).strip().rstrip(".") if reading.following == "{" else ""
    return f" ({note})" if note else ""


def _quantity(reading: Reading, math: bool) -> str:
    return f"{reading.argument(math=math)} {reading.argument(math=math)}"


def _verbatim(reading: Reading, _math: bool) -> str:
    return reading.verbatim()


def _one_part(text: str) -> str:
    """Return a part of a fraction, in brackets when one would not see where it ends."""
    return f"({text})" if _SEVERAL_PARTS.search(_IN_BRACKETS.sub("", text)) else text


# By name: what reads the arguments and returns the text; its second argument says whether this is mathematics.
COMMANDS: dict[str, Callable[[Reading, bool], str]] = {
    **dict.fromkeys(_FONTS_OF_PROSE.split(), _prose),
    **dict.fromkeys(_OTHER_FONTS.split(), _same),
    **dict.fromkeys(("mathbb", "mathds", "Bbb"), _double_struck),
    **{name: _with_accent(accent) for name, accent in MATH_ACCENTS.items()},
    **dict.fromkeys(("frac", "tfrac", "dfrac", "cfrac", "nicefrac", "sfrac"), _fraction),
    **dict.fromkeys(("binom", "tbinom", "dbinom"), _binomial),
    **dict.fromkeys(("textcolor", "colorbox", "raisebox", "scalebox", "rotatebox", "parbox"), _behind(1)),
    **dict.fromkeys(("foreignlanguage", "underset", "overset", "stackrel"), _behind(1)),
    **dict.fromkeys(("resizebox", "fcolorbox"), _behind(2)),
    **dict.fromkeys(("href", "hyperlink", "hyperref"), _link),
    **dict.fromkeys(("url", "path", "nolinkurl"), _address),
    **dict.fromkeys(("footnote", "footnotetext"), _note),
    **dict.fromkeys(("SI", "qty"), _quantity),
    "ket": _within("|", "⟩"),
    "bra": _within("⟨", "|"),
    "abs": _within("|", "|"),
    "norm": _within("‖", "‖"),
    "floor": _within("⌊", "⌋"),
    "ceil": _within("⌈", "⌉"),
    "operatorname": _operator,
    "sqrt": _root,
    "pmod": _modulo,
    "textsuperscript": _superscript,
    "textsubscript": _subscript,
    "unicode": _code_point,
    "verb": _verbatim,
}
