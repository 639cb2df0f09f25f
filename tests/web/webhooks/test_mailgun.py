"""Mailgun: whom it is believed, and what its events mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from digestbot.models import Bounce
from digestbot.web.webhooks.events import Call, ForgedError
from digestbot.web.webhooks.mailgun import Mailgun
from tests.factories import NOW
from tests.web.webhooks.conftest import Door
from tests.web.webhooks.senders import SIGNING_KEY, Request, mailgun

OURS = "2025-05-27.1@example.org"
TOKENS = count(1)


def event(**changes: Any) -> dict[str, Any]:
    values = {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": "ada@example.org",
        "message": {"headers": {"message-id": OURS, "to": "ada@example.org"}},
        "delivery-status": {"code": 550, "message": "5.1.1 user unknown", "description": "", "attempt-no": 1},
    }
    return values | changes


def failed(severity: str, reason: str, code: int, message: str, **changes: Any) -> Request:
    status = {"code": code, "message": message, **changes}
    said = event(severity=severity, reason=reason, **{"delivery-status": status})
    return mailgun(said, token=str(next(TOKENS)))


def test_the_message_id_gets_its_brackets_back(told: Callable[[Request], list[Bounce]]) -> None:
    (found,) = told(mailgun(event()))
    assert found.message_id == f"<{OURS}>"
    assert (found.kind, found.status, found.text) == ("hard", "5.1.1", "550 5.1.1 user unknown")


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (failed("permanent", "bounce", 550, "5.1.1 user unknown"), "hard"),
        (failed("permanent", "hardfail", 550, "no such user"), "hard"),
        (failed("permanent", "generic", 550, "no such user"), "hard"),
        (failed("permanent", "suppress-bounce", 605, "Not delivering to previously bounced address"), "hard"),
        (failed("permanent", "suppress-complaint", 607, "Not delivering to who complained"), "complaint"),
        (failed("permanent", "old", 602, "Too old"), "soft"),
        (failed("permanent", "generic", 498, "no MX"), "soft"),
        (failed("permanent", "bounce", 552, "5.2.2 mailbox full"), "soft"),
        (failed("permanent", "bounce", 550, "refused", **{"enhanced-code": "5.2.2"}), "soft"),
        (failed("permanent", "bounce", 550, "try later", **{"bounce-type": "soft"}), "soft"),
        (failed("temporary", "generic", 452, "4.2.2 over quota"), "soft"),
        (failed("temporary", "generic", 552, "mailbox full"), "soft"),
    ],
)
def test_a_failure_counts_as_its_reason_and_code_say(
    told: Callable[[Request], list[Bounce]], request_: Request, found: str
) -> None:
    assert [one.kind for one in told(request_)] == [found]


@pytest.mark.parametrize(
    "request_",
    [
        failed("temporary", "greylisted", 451, "4.7.1 greylisted, try again"),
        failed("temporary", "generic", 421, "4.3.0 busy"),
        failed("temporary", "generic", 452, "4.3.1 system storage"),
    ],
)
def test_what_mailgun_goes_on_trying_counts_against_nobody(door: Door, request_: Request) -> None:
    assert door.post(request_) == 200
    assert door.book.is_empty
    assert door.warnings() == []


@pytest.mark.parametrize(
    "request_",
    [
        failed("permanent", "espblock", 550, "blocked for its reputation"),
        failed("permanent", "bounce", 550, "5.7.26 not authenticated"),
    ],
)
def test_what_is_about_us_is_said_in_the_log_and_counts_against_nobody(door: Door, request_: Request) -> None:
    assert door.post(request_) == 200
    assert door.book.is_empty
    assert len(door.warnings()) == 1


def test_a_complaint_is_one(told: Callable[[Request], list[Bounce]]) -> None:
    (found,) = told(mailgun({"event": "complained", "recipient": "ada@example.org"}))
    assert (found.kind, found.address, found.message_id) == ("complaint", "ada@example.org", "")


def test_who_leaves_at_mailgun_has_left(door: Door) -> None:
    assert door.post(mailgun(event(event="unsubscribed"), token="a1")) == 200
    assert door.post(failed("permanent", "suppress-unsubscribe", 606, "Not delivering to unsubscribed")) == 200
    assert door.book.left == [("ada@example.org", f"<{OURS}>")] * 2
    assert door.book.bounces == []


@pytest.mark.parametrize("name", ["delivered", "accepted", "opened", "clicked", "stored", "list_member_uploaded"])
def test_other_events_change_nothing(door: Door, name: str) -> None:
    assert door.post(mailgun(event(event=name))) == 200
    assert door.book.is_empty


def test_a_failure_of_unknown_severity_is_not_understood(door: Door) -> None:
    assert door.post(mailgun(event(severity="grave"))) == 400


@pytest.mark.parametrize(("minutes", "status"), [(0, 200), (14, 200), (-14, 200), (16, 403), (-16, 403), (60_000, 403)])
def test_a_signature_is_good_for_a_quarter_of_an_hour(door: Door, minutes: int, status: int) -> None:
    assert door.post(mailgun(event(), at=NOW - timedelta(minutes=minutes))) == status
    assert door.book.is_empty == (status == 403)


def test_a_timestamp_may_come_as_a_number(door: Door) -> None:
    assert door.post(mailgun(event(), timestamp=int(NOW.timestamp()))) == 200


@pytest.mark.parametrize("timestamp", ["", "soon", "1748332800.5", " 1748332800", "1_748_332_800", "9" * 5000])
def test_a_signed_timestamp_that_is_none_is_refused(door: Door, timestamp: str) -> None:
    assert door.post(mailgun(event(), timestamp=timestamp)) == 403


def test_digits_moved_between_time_and_token_prove_nothing(door: Door) -> None:
    stamp = str(int(NOW.timestamp()))
    whole = mailgun(event(), token="77ab").body
    for time, token in ((stamp + "7", "7ab"), (stamp[:-1], stamp[-1] + "77ab")):
        moved = whole.replace(f'"{stamp}"'.encode(), f'"{time}"'.encode()).replace(b'"77ab"', f'"{token}"'.encode())
        assert door.post(Request("mailgun", moved)) == 403
    assert door.book.is_empty


@pytest.mark.parametrize("signature", [None, {}, {"timestamp": "1", "token": "2"}, {"timestamp": [], "token": 1}])
def test_an_event_without_a_signature_is_not_understood(door: Door, signature: Any) -> None:
    body = mailgun(event()).body.replace(b'"signature": {', b'"other": {', 1)
    assert door.post(Request("mailgun", body)) == 400
    assert door.book.is_empty


def test_a_signature_that_is_no_ascii_is_not_understood(door: Door) -> None:
    assert door.post(Request("mailgun", mailgun(event()).body.replace(b"c0ffee", "café".encode()))) == 400


def test_the_same_event_may_be_repeated_with_its_token_but_no_other(door: Door) -> None:
    assert door.post(mailgun(event(), token="once")) == 200
    assert door.post(mailgun(event(), token="once")) == 200
    assert door.post(mailgun(event(recipient="bela@example.org"), token="once")) == 403
    assert {one.address for one in door.book.bounces} == {"ada@example.org"}


def test_a_token_is_remembered_as_long_as_its_signature_is_good(door: Door) -> None:
    ahead = NOW + timedelta(minutes=14)
    assert door.post(mailgun(event(), token="once", at=ahead)) == 200
    door.times.append(NOW + timedelta(minutes=28))
    door.post(mailgun(event(), token="another", at=door.times[-1]))
    assert door.post(mailgun(event(recipient="bela@example.org"), token="once", at=ahead)) == 403


async def _read(provider: Mailgun, request: Request) -> int:
    return len(await provider.read(Call(headers={}, body=request.body), NOW))


def test_the_memory_for_tokens_is_bounded_and_forgets_the_oldest() -> None:
    async def run() -> None:
        provider = Mailgun(SIGNING_KEY, most_tokens=3)
        for number in range(10):
            assert await _read(provider, mailgun(event(), token=str(number))) == 1
        other = event(recipient="bela@example.org")
        assert len(provider._seen) == 3
        with pytest.raises(ForgedError):
            await _read(provider, mailgun(other, token="9"))
        assert await _read(provider, mailgun(other, token="0")) == 1

    asyncio.run(run())
