"""Mails of all the real papers there are: each is written, none is too large, and no text breaks one."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.links import Links
from digestbot.models import Paper
from digestbot.sources.files import read_papers
from digestbot.store import Store
from tests.factories import DAY, digest, subscriber
from tests.mails import parsed, part
from tests.pipeline.peers import letters

# What a mail of ours is made of.
TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tr",
        "td",
        "h1",
        "h2",
        "h3",
        "p",
        "i",
        "b",
        "span",
        "a",
    ]
)
MOST = 90_000
IN_A_MAIL = 20


@pytest.mark.parametrize("month", ["03", "04", "05"])
def test_every_real_paper_is_in_a_mail_that_is_whole(
    store: Store, templates: jinja2.Environment, links: Links, shared_data: Path, month: str
) -> None:
    papers = list(read_papers(shared_data / "arxiv_stream" / f"2025-{month}.jsonl.gz", default_day=DAY).papers)
    assert len(papers) > 1000
    writing, reader = letters(store, templates, links), subscriber()
    for start in range(0, len(papers), IN_A_MAIL):
        made = digest(*papers[start : start + IN_A_MAIL], reader=reader)
        message = writing.write_digest(made, reader, digest_delivery(made, reader, domain="example.org"))
        assert len(message) <= MOST
        check(message, papers[start : start + IN_A_MAIL])


def check(message: bytes, papers: list[Paper]) -> None:
    mail = parsed(message)
    html, text = part(mail, "html"), part(mail, "plain")
    # No other character "<" than those of our own tags.
    begun = re.findall(r"<(?!!DOCTYPE html>)/?([^\s>]*)", re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
    assert set(begun) <= TAGS
    for body in (html, text):
        assert not re.search(r"\$\\[a-zA-Z]|\\[a-zA-Z]{2,}\{", body)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", body)
    assert len(re.findall(r"<h2 ", html)) == len(re.findall(r"^ ?\d+\. ", text, re.MULTILINE)) == len(papers)
    assert "\n" not in str(mail["Subject"])
