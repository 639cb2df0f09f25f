"""The HTML of the mails is judged by html-validate."""

from __future__ import annotations

import pytest

from tests.judges.conftest import Judge
from tests.judges.mails import ONCE, documents

pytestmark = pytest.mark.xdist_group("judges")

# Rules of pages that mails have to break, and why.
ALLOWED = {
    "no-inline-style": "mail programs strip style blocks, so looks stand where they apply",
    "no-conditional-comment": "Outlook for Windows knows no max-width and gets a table of 680 pixels",
    "no-deprecated-attr": "Outlook for Windows and old webmail know width, align and bgcolor, and no styles for them",
    "prefer-native-element": "webmail drops <main>; a <div> with the role stays",
    "prefer-tbody": "every parser adds it, and twenty papers would pay for it in bytes",
    "long-title": "the title is the subject, which is as long as its first paper's; the rule is for search engines",
}


@pytest.mark.parametrize("name", ONCE)
def test_a_validator_finds_no_error_in_a_mail(judge: Judge, mails: dict[str, bytes], name: str) -> None:
    found = judge("validate.mjs", documents({one: mails[one] for one in ONCE}))[name]
    assert [fault for fault in found if fault["rule"] not in ALLOWED] == []


def test_every_rule_that_mails_may_break_is_broken(judge: Judge, mails: dict[str, bytes]) -> None:
    found = judge("validate.mjs", documents({one: mails[one] for one in ONCE}))
    assert {fault["rule"] for faults in found.values() for fault in faults} >= ALLOWED.keys()


def test_the_validator_finds_what_is_wrong(judge: Judge) -> None:
    wrong = "<!DOCTYPE html>\n<html lang=en><head><title>x</title></head><body><p><h2>x</p></h2><a>x</a></body></html>"
    found = {fault["rule"] for fault in judge("validate.mjs", {"wrong": wrong})["wrong"]}
    assert {"close-order", "attr-quotes"} & found
