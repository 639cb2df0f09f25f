"""Text in pieces of whole lines, so that what many mails share can be kept in the form that mails carry it in."""

from __future__ import annotations

from typing import Self


class Shared(str):
    """A piece that is in many mails, and has room for its encoded form: kept as long as the piece itself."""

    __slots__ = ("encoded",)

    encoded: bytes | None

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.encoded = None
        return made


class Pieces(list[str]):
    """The pieces of a text; only the last may end within a line. Templates print them as they are."""

    __slots__ = ()

    def __str__(self) -> str:
        return "".join(self)

    __html__ = __str__
