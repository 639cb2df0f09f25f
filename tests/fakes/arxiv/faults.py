"""What goes wrong with arXiv in particular; what goes wrong with any service is in ``tests.fakes.server``.

Faults that need to know the world are methods: ``Feed.stale_day``, ``Feed.stale_category``, ``Oai.repeated_page``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from tests.fakes.arxiv.feed import etag
from tests.fakes.server import Answer

_RECORD = re.compile(rb"<record>.*?</record>\n", re.DOTALL)
_ENTRY = re.compile(rb"[ ]*<(entry|item)>.*?</\1>\n", re.DOTALL)


def expired_token(answer: Answer) -> Answer:
    """OAI: the token is no good, before its time."""
    head, asked, _ = answer.body.partition(b"</request>\n")
    error = b'<error code="badResumptionToken">The token has expired</error>\n</OAI-PMH>\n'
    return _with_body(answer, head + asked + error)


def record_without_title(answer: Answer) -> Answer:
    """OAI: the record in the middle of the page lacks its title."""
    return _in_the_middle(
        answer, _RECORD, lambda record: re.sub(rb"<title>.*?</title>\n", b"", record, flags=re.DOTALL)
    )


def record_with_broken_date(answer: Answer) -> Answer:
    """OAI: the first version of the record in the middle of the page is of no day."""
    return _in_the_middle(
        answer, _RECORD, lambda record: re.sub(rb"<date>.*?</date>", b"<date>Mon, 32 Foo 20x6</date>", record, count=1)
    )


def entry_without_id(answer: Answer) -> Answer:
    """Feed and API: the entry in the middle does not say which paper it is about."""
    return _in_the_middle(
        answer, _ENTRY, lambda entry: re.sub(rb"<(id|guid)\b.*?</\1>", b"<\\1></\\1>", entry, count=1)
    )


def entry_without_title(answer: Answer) -> Answer:
    """Feed and API: the entry in the middle has no title."""
    return _in_the_middle(answer, _ENTRY, lambda entry: re.sub(rb"<title>.*?</title>", b"", entry, flags=re.DOTALL))


def unpadded_dates(answer: Answer) -> Answer:
    """All: ``2026-5-7T4:00:00Z`` for ``2026-05-07T04:00:00Z``, and ``Thu, 7 May 2026`` for ``Thu, 07 May 2026``."""
    body = re.sub(rb">(\d{4})-0?(\d+)-0?(\d+)T0?(\d)", rb">\1-\2-\3T\4", answer.body)
    return _with_body(answer, re.sub(rb">(\w{3}), 0(\d) (\w{3} \d{4}) 0?(\d)", rb">\1, \2 \3 \4", body))


def local_dates(answer: Answer) -> Answer:
    """All: times that do not say in which zone they are."""
    body = re.sub(rb"(T\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|[+-]\d\d:\d\d)<", rb"\1<", answer.body)
    return _with_body(answer, re.sub(rb"(\d\d:\d\d:\d\d) (?:GMT|[+-]\d{4})<", rb"\1<", body))


def lagging_dates(answer: Answer) -> Answer:
    """Atom feed: today's papers, said to be of the day before."""

    def earlier(found: re.Match[bytes]) -> bytes:
        day = date.fromisoformat(found[2].decode()) - timedelta(days=1)
        return found[1] + day.isoformat().encode()

    return _with_body(answer, re.sub(rb"(<(?:published|updated)>)(\d{4}-\d\d-\d\d)", earlier, answer.body))


def short_page(answer: Answer) -> Answer:
    """API and feed: the second half of the entries is missing, whatever was promised."""
    entries = list(_ENTRY.finditer(answer.body))
    if not entries:
        return answer
    kept = entries[len(entries) // 2].start()
    return _with_body(answer, answer.body[:kept] + answer.body[entries[-1].end() :])


def no_entries(answer: Answer) -> Answer:
    """API and feed: a good feed without any entry, whatever was promised."""
    return _with_body(answer, _ENTRY.sub(b"", answer.body))


def _in_the_middle(answer: Answer, what: re.Pattern[bytes], spoil: Callable[[bytes], bytes]) -> Answer:
    # A deleted record has nothing to spoil.
    found = [one for one in what.finditer(answer.body) if b"<title>" in one[0]]
    if not found:
        return answer
    one = found[len(found) // 2]
    return _with_body(answer, answer.body[: one.start()] + spoil(one[0]) + answer.body[one.end() :])


def _with_body(answer: Answer, body: bytes) -> Answer:
    """Return the answer as if arXiv had made this body: with a tag of its own."""
    headers = dict(answer.headers)
    if "ETag" in headers:
        headers["ETag"] = etag(body)
    return replace(answer, body=body, headers=headers)
