"""What the mails use is known to the mail programs, by caniemail's tables, or is not missed where it is not."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from lxml import html as trees

from tests.judges.conftest import Judge
from tests.judges.mails import ONCE, documents

pytestmark = pytest.mark.xdist_group("judges")

CLIENTS = ("gmail", "outlook", "apple-mail", "yahoo")


@dataclass(frozen=True, slots=True)
class Allowed:
    """A feature that these programs do not know or know in part, and why that does no harm."""

    feature: str
    clients: str
    why: str


IN_THE_STYLE_BLOCK = [
    *(
        Allowed(feature, clients, "the block adds dark colours, phone sizes and softer edges; looks stand inline")
        for feature, clients in (
            ("@media", "gmail outlook yahoo"),
            ("Type selector", "gmail"),
            ("Class selector", "gmail"),
            ("Attribute selector", "gmail outlook yahoo"),
            ("Descendant combinator", "gmail"),
            (":hover", "gmail outlook"),
            (":focus", "gmail outlook apple-mail"),
            ("outline", "outlook"),
            ("outline-offset", "gmail outlook yahoo"),
            ("text-wrap", "gmail outlook yahoo"),
            ("background", "outlook yahoo"),
            ("padding", "outlook"),
            ("text-decoration", "gmail outlook"),
        )
    ),
    Allowed("margin", "gmail outlook yahoo", "no negative value, and body's stands as attributes too"),
    Allowed("!important keyword", "gmail outlook yahoo", "only where the block is known at all"),
]
INLINE = [
    Allowed("<body> element", "gmail outlook yahoo", "becomes a <div>; the table in it has lang and colour too"),
    Allowed("lang attribute", "yahoo", "unknown on cells, and stands on none"),
    Allowed("dir attribute", "gmail outlook", "one Hebrew title may turn the mail; words keep their own direction"),
    Allowed("role attribute", "outlook yahoo", "read aloud as tables, in the same order"),
    Allowed("aria-label attribute", "outlook yahoo", "the link's own text is read, which says the same of each paper"),
    Allowed("display:none", "gmail outlook", "the preheader is small, 0 high, 0 wide, and hidden by mso-hide as well"),
    Allowed("opacity", "gmail outlook", "one of several ways to hide the preheader"),
    Allowed("overflow", "gmail outlook apple-mail yahoo", "hides the preheader, and scrolls nothing"),
    Allowed("display", "gmail outlook yahoo", "block on links alone, whose cells have their sizes as attributes"),
    Allowed("height property", "outlook yahoo", "cells have the attribute, and Yahoo's min-height does the same"),
    Allowed("height attribute", "outlook", "of cells; the trouble is with percentages on pictures"),
    Allowed("width property", "outlook", "of cells, where it is known"),
    Allowed("width attribute", "outlook", "as above; a larger column at 120 dpi is as good"),
    Allowed(
        "max-width", "outlook yahoo apple-mail", "of a table; where it is unknown, the column is 680 or as wide as all"
    ),
    Allowed("white-space", "gmail outlook yahoo", "nowrap; a button's cell is wide enough for its word without"),
    Allowed("word-break", "gmail outlook apple-mail yahoo", "for long words; unbroken, they make the column wider"),
    Allowed("border-radius", "outlook yahoo", "corners are square; no ellipses"),
    Allowed("border", "outlook", "up to 4 pixels, on tables and cells"),
    Allowed("margin", "gmail outlook yahoo", "auto beside align, and none negative"),
    Allowed("padding", "outlook", "of cells; links have theirs in cells with a width"),
    Allowed("background", "outlook yahoo", "one colour, and bgcolor beside it"),
    Allowed("font-size", "outlook yahoo", "in pixels alone"),
    Allowed("line-height", "outlook", "mso-line-height-rule stands where it matters"),
    Allowed("letter-spacing", "outlook", "one pixel"),
    Allowed("text-align", "gmail outlook yahoo", "left and center alone"),
    Allowed("text-decoration", "gmail outlook", "one value: none, or underline"),
    Allowed("align attribute", "outlook", "center on cells; a table's left is where it stands anyway"),
]


def findings(judge: Judge, mails: dict[str, bytes], *, inline: bool) -> set[tuple[str, str]]:
    """Return each feature that is not fully known with each family of programs that does not know it."""
    given = {}
    for name, html in documents({one: mails[one] for one in ONCE}).items():
        block = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
        assert block is not None
        given[name if inline else block[1]] = {"html": html.replace(block[0], "")} if inline else {"css": block[1]}
    found = judge("support.mjs", {"clients": [f"{client}.*" for client in CLIENTS], "given": given})
    return {(feature, client.partition(".")[0]) for one in found.values() for feature, client in one}


def listed(allowed: list[Allowed]) -> set[tuple[str, str]]:
    return {(one.feature, client) for one in allowed for client in one.clients.split()}


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "in the style block"])
def test_mail_programs_know_what_mails_use_or_it_is_not_missed(
    judge: Judge, mails: dict[str, bytes], *, inline: bool
) -> None:
    found, allowed = findings(judge, mails, inline=inline), listed(INLINE if inline else IN_THE_STYLE_BLOCK)
    assert found - allowed == set()
    # What no mail uses any more need not be allowed.
    assert allowed - found == set()


def test_space_is_made_by_cells_since_outlook_knows_no_other_padding(mails: dict[str, bytes]) -> None:
    for name, html in documents(mails).items():
        for element in trees.document_fromstring(html).iter("*"):
            if re.search(r"padding[^:;]*:(?![0 px]*(?:;|$))", element.get("style", "")):
                cell = element if element.tag == "td" else element.getparent()
                assert cell.tag == "td", (name, element.tag, element.text_content())
                assert cell is element or cell.get("width"), (name, element.text_content())


def test_links_side_by_side_are_apart_without_any_style(mails: dict[str, bytes]) -> None:
    for name, html in documents(mails).items():
        assert re.findall(r"\w</a><a [^>]*>\w", html) == [], name
