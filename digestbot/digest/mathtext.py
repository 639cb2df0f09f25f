"""LaTeX in a title or an abstract becomes text that a person reads. Pure, and linear in what it is given.

Only the signs that commands print come from pylatexenc: its own reader raises on unbalanced groups, knows no raised
digits, and takes every dollar for mathematics. What is nested deeper than ``_DEEPEST`` loses its braces unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from digestbot.digest.mathcommands import COMMANDS, SILENT, SWITCHES
from digestbot.digest.mathmarks import MATHS_OWN, is_math, means_about
from digestbot.digest.mathsigns import FUNCTIONS, TEXT_ACCENTS, accented, lowered, raised, sign_of

_DEEPEST = 20
_ESCAPED_BLANKS = {**dict.fromkeys("\\ \n\t,;:", " "), **dict.fromkeys("!/-@", ""), "|": "‖"}
# "" is the end.
_AFTER_NOTHING = frozenset(("", *" ~.,;:!?)]}"))
_CLOSING = frozenset(("rangle", "rfloor", "rceil", "rvert", "rVert", "rbrace", "rbrack"))
# "\n" and "\d" in prose about programs and prompts are no commands.
_OF_PROGRAMS = frozenset("nrtdsw")
# A command that nobody knows may be an author's own letter: \bW is a bold one, \cO a calligraphic one.
_STYLED_LETTER = re.compile(r"[bc][A-Z]|b[a-z]")

_MARKS = re.compile(r"[\\${}~^`]|--|''|_\{")
_PROSE = re.compile(r"[^\\${}~^_`'\-:]+")
_MATH = re.compile(r"[^\\${}~^_'&\s]+")
_NAME = re.compile(r"\\([A-Za-z]+)(?:\*(?=\s*\{))?")
_REST_OF_ADDRESS = re.compile(r"//[^\s\\{}$<>\"]+")
_UP_TO_DOLLAR = re.compile(r"(?:[^\\$]+|\\.)*+", re.DOTALL)
_RAW = re.compile(r"\s{0,9}\{([^{}]*)\}?")
_OPTION = re.compile(r"\s{0,9}\[([^\[\]{}$]{0,200})\]")
_SET = re.compile(r"\{\s{0,9}[^{}\\$,:\s][^{}\\$]{0,200}?[,:][^{}\\$]{0,200}[^{}\\$,:\s]\s{0,9}\}")
_POWER = re.compile(r"([+\-−]?\d{1,6})(?![\w^]|\.\d)|\(([+\-−]?\d{1,6})\)|(\d)(?!\d|\.\d)")
_QUOTED = re.compile(r"[^`']{1,100}'(?!\w)")
# An accent stands over a letter: \"o, \"{o}, \'\i. One that is a letter itself needs braces before a word: \b{o}.
_LETTER = re.compile(r"(?:\{\s?\\?([A-Za-z])\s?\}|\\([ij])(?![A-Za-z])|([A-Za-z]))")
_AFTER_LETTER_ACCENT = re.compile(r"(\s{0,3}\{|\s{1,3}[A-Za-z](?=[^A-Za-z]|s\b|$))")
_POSSESSIVE = re.compile(r"[st]\b")
_UP_TO_ESCAPED_QUOTE = re.compile(r"[^\\]{1,200}\\\"(?![\w{\\])")
_HALF_QUOTES = re.compile(r"“([^“”\"]{1,200})\"|\"([^“”\"]{1,200})”")


def prose_of(latex: str) -> str:
    """Return the text that LaTeX means; what is none, such as the dollars of "$5 to $6", stays as it is."""
    if not _MARKS.search(latex):
        return latex
    return _HALF_QUOTES.sub(lambda quote: f"“{quote[1] or quote[2]}”", _Reader(latex).read())


class _Reader:
    """Reads one text from its start to its end, once."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self._text = text
        self._at = 0
        self._depth = depth
        self._made: list[str] = []
        self._name_end = -1
        self._quotes_close_at = -1
        self._last_closing = {"(": text.rfind("\\)"), "[": text.rfind("\\]")}

    def read(self, *, math: bool = False, inside: bool = False) -> str:
        """Return what stands here as text, up to the end or, inside a group, to its brace."""
        around, self._made = self._made, []
        run, signs = (_MATH, self._IN_MATH) if math else (_PROSE, self._IN_PROSE)
        while self._at < len(self._text):
            sign = self._text[self._at]
            if found := run.match(self._text, self._at):
                self._at = found.end()
                self._made.append(found[0])
            elif sign == "}" and inside:
                break
            else:
                self._at += 1
                self._made.append(signs[sign](self) if sign in signs else " ")
        made, self._made = self._made, around
        return "".join(made)

    # What commands may ask for.

    @property
    def following(self) -> str:
        return self._text[self._at : self._at + 1]

    def argument(self, *, math: bool) -> str:
        self._skip_blanks()
        sign = self.following
        if not sign or sign in "}$" or self._depth >= _DEEPEST:
            return ""
        self._at += 1
        self._depth += 1
        text = self._one_argument(sign, math=math)
        self._depth -= 1
        return text

    def raw(self) -> str:
        return self._matched(_RAW)

    def option(self) -> str:
        return self._matched(_OPTION)

    def verbatim(self) -> str:
        edge = self.following
        end = self._text.find(edge, self._at + 1, self._at + 200) if edge and not edge.isalnum() else -1
        if end < 0:
            return ""
        text, self._at = self._text[self._at + 1 : end], end + 1
        return text

    # Signs; their first character is read.

    def _one_argument(self, sign: str, *, math: bool) -> str:
        if sign == "{":
            return self._group(math=math)
        if sign != "\\":
            return "′" if math and sign == "'" else sign
        name = _NAME.match(self._text, self._at - 1)
        around, self._made = self._made, []
        text = self._command(math=math)
        self._made = around
        # x^\bf 2 is meant as x^{\bf 2}.
        return self.argument(math=math) if name and name[1] in SWITCHES else text

    def _group(self, *, math: bool) -> str:
        if self._depth >= _DEEPEST:
            return ""
        self._depth += 1
        text = self.read(math=math, inside=True)
        self._depth -= 1
        self._at += 1
        return text

    def _group_in_math(self) -> str:
        return self._group(math=True)

    def _group_or_set(self) -> str:
        # Braces with commas or colons between words were meant to be seen.
        if found := _SET.match(self._text, self._at - 1):
            self._at = found.end()
            return found[0]
        return self._group(math=False)

    def _formula(self, start: int, end: int, width: int) -> str:
        self._at = end + width
        content = self._text[start:end]
        if self._depth >= _DEEPEST:
            return content
        text = _Reader(content, self._depth + 1).read(math=True)
        return text.strip() or text

    def _dollar(self) -> str:
        width = 2 if self.following == "$" else 1
        start = self._at + width - 1
        found = _UP_TO_DOLLAR.match(self._text, start)
        end = found.end() if found else start
        closed = self._text.startswith("$" * width, end)
        if not closed or not is_math(self._text[start:end], self._text[end + width : end + width + 1]):
            return "$"
        return self._formula(start, end, width)

    def _tilde(self) -> str:
        return "~" if means_about(self._before(), self._text[self._at : self._at + 2]) else " "

    def _tilde_in_math(self) -> str:
        return "~" if self._at == 1 and self.following.isdigit() else " "

    def _hyphen(self) -> str:
        start = self._at - 1
        before = self._before()
        while self.following == "-":
            self._at += 1
        hyphens = self._at - start
        is_option = before.isspace() and self.following.isalnum()
        is_arrow = before in "<!" or self.following == ">"
        if is_option or is_arrow:
            return "-" * hyphens
        return {2: "–", 3: "—"}.get(hyphens, "-" * hyphens)

    def _colon(self) -> str:
        # Tildes and hyphens are an address's own.
        found = _REST_OF_ADDRESS.match(self._text, self._at)
        if found:
            self._at = found.end()
        return f":{found[0]}" if found else ":"

    def _backquote(self) -> str:
        if self.following == "`":
            self._at += 1
            return "“"
        quoted = None if self._before().isalnum() else _QUOTED.match(self._text, self._at)
        if quoted:
            self._quotes_close_at = quoted.end() - 1
        return "‘" if quoted else "`"

    def _apostrophe(self) -> str:
        if self._at - 1 == self._quotes_close_at:
            return "’"
        if self.following != "'":
            return "'"
        before = self._before()
        self._at += 1
        opens = (before.isspace() or before in "([\"'“‘-") and self.following.isalnum()
        return "“" if opens else "”"

    def _script(self) -> str:
        if self.following == "{":
            return self._script_in_math()
        mark, before = self._text[self._at - 1], self._before()
        power = _POWER.match(self._text, self._at) if mark == "^" and (before.isalnum() or before in ")]}") else None
        if not power:
            return mark
        self._at = power.end()
        return raised(power[1] or power[2] or power[3])

    def _script_in_math(self) -> str:
        small = raised if self._text[self._at - 1] == "^" else lowered
        text = self.argument(math=True)
        return small(text, following=self.following)

    # Commands; their backslash is read.

    def _backslash(self) -> str:
        return self._command(math=False)

    def _backslash_in_math(self) -> str:
        return self._command(math=True)

    def _command(self, *, math: bool) -> str:
        found = _NAME.match(self._text, self._at - 1)
        if not found:
            return self._escaped()
        name, start = found[1], self._at - 1
        if name in TEXT_ACCENTS and not math and (letter := self._accent_of_letter(name)) is not None:
            return letter
        joined = start != self._name_end and (self._before().isalnum() or self._before() in "_:")
        self._at = self._name_end = found.end()
        if name in SILENT or name in SWITCHES:
            return self._silent() if name in SILENT else self._switch(name)
        if name in COMMANDS:
            return COMMANDS[name](self, math)
        if name in FUNCTIONS:
            return self._function(sign_of(name) or name)
        if name in _CLOSING and self._made:
            self._made[-1] = self._made[-1].rstrip()
        return self._sign(sign_of(name), math=math) or self._unknown(name, math=math, joined=joined)

    def _silent(self) -> str:
        self.option()
        self.option()
        self.raw()
        if self._made and self.following in _AFTER_NOTHING:
            # "as in~\cite{…}." has no blank before the full stop, and "([\cite{…}])" says nothing.
            self._made[-1] = self._made[-1].rstrip()
            if self._made[-1][-1:] + self.following in {"()", "[]"}:
                self._made[-1] = self._made[-1][:-1].rstrip()
                self._at += 1
        return ""

    def _switch(self, name: str) -> str:
        self._skip_blanks()
        if name in {"left", "right"} and self.following == ".":
            self._at += 1
        return ""

    def _function(self, word: str) -> str:
        before = self._made[-1][-1:] if self._made else ""
        return " " * (before.isalnum() or before in {")", "|"}) + word + " " * self.following.isalpha()

    def _sign(self, sign: str, *, math: bool) -> str:
        before = self._made[-1][-1:] if self._made else ""
        if self._blank_only_ends_the_name(sign, before, math=math):
            self._skip_blanks()
        return sign[:-1] if sign.endswith(".") and self.following == "." else sign

    def _blank_only_ends_the_name(self, sign: str, before: str, *, math: bool) -> bool:
        r"""Return whether the blank after a sign keeps its name from the next letter: ``3\times 4`` is 3×4."""
        if len(sign) != 1 or sign in "…⋯,:⟨⌊⌈{":
            return sign in {"⟨", "⌊", "⌈", "{"}
        if sign.isalpha():
            of_prose = sign.isascii() or "À" <= sign <= "ſ"
            return (math or of_prose) and self._text[self._at : self._at + 9].lstrip()[:1].isalnum()
        return (math or sign in "–—") and not before.isspace()

    def _unknown(self, name: str, *, math: bool, joined: bool) -> str:
        if self.following == "{":
            # Authors' own \revised{…} prints what it holds, and their \ours{} its name.
            return self.argument(math=math) or name
        if math and _STYLED_LETTER.fullmatch(name):
            return name[1:]
        # Paths and "and\or" have the backslash in the middle of a word.
        if not math and (joined or name in _OF_PROGRAMS):
            self._name_end = -1
            return f"\\{name}"
        if name in TEXT_ACCENTS:
            self._skip_blanks()
            return ""
        # For \ourmodel without what it stands for: the name says more than nothing.
        return name

    def _escaped(self) -> str:
        text, sign, start = self._text, self.following, self._at
        self._at += 1
        if sign in self._last_closing and start <= self._last_closing[sign]:
            end = text.find("\\)" if sign == "(" else "\\]", start)
            if sign == "(" or MATHS_OWN.search(text[start + 1 : end]):
                return self._formula(start + 1, end, 2)
        if sign in TEXT_ACCENTS and (letter := self._accent_of_sign(sign)):
            return letter
        return _ESCAPED_BLANKS.get(sign, sign)

    def _accent_of_sign(self, sign: str) -> str:
        r"""Return the letter with its accent, "" when there is none: in ``John\'s`` and in ``\"quoted\"``."""
        before = self._text[self._at - 3] if self._at >= 3 else " "
        quotes = sign == '"' and not before.isalpha() and _UP_TO_ESCAPED_QUOTE.match(self._text, self._at)
        possessive = sign == "'" and before.isalpha() and _POSSESSIVE.match(self._text, self._at)
        letter = _LETTER.match(self._text, self._at)
        if quotes or possessive or not letter:
            return ""
        made = accented(letter[1] or letter[2] or letter[3], TEXT_ACCENTS[sign])
        if len(made) > 1:
            return ""
        self._at = letter.end()
        return made

    def _accent_of_letter(self, name: str) -> str | None:
        found = _AFTER_LETTER_ACCENT.match(self._text, self._at + 1)
        if not found or (name in "bdt" and not found[1].endswith("{")):
            return None
        self._at += 1
        base = self.argument(math=False)
        # "\r{ho}" and "\b{eta}" are what is left of \rho and \beta after a machine read them.
        return accented(base, TEXT_ACCENTS[name]) if len(base) < 2 else sign_of(name + base) or base

    # Where the reader stands.

    def _before(self) -> str:
        return self._text[self._at - 2] if self._at > 1 else " "

    def _skip_blanks(self) -> None:
        while self.following.isspace():
            self._at += 1

    def _matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found[1]

    _IN_PROSE: ClassVar[dict[str, Callable[[_Reader], str]]] = {
        "\\": _backslash,
        "$": _dollar,
        "{": _group_or_set,
        "}": lambda _: "",
        "~": _tilde,
        "-": _hyphen,
        ":": _colon,
        "`": _backquote,
        "'": _apostrophe,
        "^": _script,
        "_": _script,
    }
    _IN_MATH: ClassVar[dict[str, Callable[[_Reader], str]]] = {
        "\\": _backslash_in_math,
        "{": _group_in_math,
        "}": lambda _: "",
        "$": lambda _: "",
        "~": _tilde_in_math,
        "'": lambda _: "′",
        "^": _script_in_math,
        "_": _script_in_math,
    }
