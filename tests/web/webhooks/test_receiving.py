"""What holds for every provider: who is believed, what is answered, and that the answer steers what comes again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.errors import ConflictError, SettingsError, StoreError
from digestbot.models import BounceKind
from digestbot.web.webhooks import configured
from digestbot.web.webhooks.fetching import fetch
from tests.factories import NOW
from tests.web.webhooks.conftest import Door, door_of
from tests.web.webhooks.senders import PASSWORD, TOPIC, Request, mailgun, postmark, sendgrid, ses


@cache
def bounces_to_ada() -> dict[str, Request]:
    """Signed once: a signature of SendGrid's kind is another each time."""
    return bounce_of("ada@example.org")


def bounce_of(address: str) -> dict[str, Request]:
    """The same hard bounce, as each provider tells it."""
    recipient = {"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"}
    bounce = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient]}
    return {
        "ses": ses({"notificationType": "Bounce", "bounce": bounce, "mail": {"messageId": "0102-amazons-own"}}),
        "mailgun": mailgun(
            {
                "event": "failed",
                "severity": "permanent",
                "reason": "bounce",
                "recipient": address,
                "delivery-status": {"code": 550, "message": "5.1.1 no"},
            }
        ),
        "postmark": postmark(
            {"RecordType": "Bounce", "Type": "HardBounce", "Email": address, "Details": "550 5.1.1 no"}
        ),
        "sendgrid": sendgrid([{"event": "bounce", "type": "bounce", "email": address, "reason": "550 5.1.1 no"}]),
    }


PROVIDERS = sorted(bounce_of(""))
each = pytest.mark.parametrize("name", PROVIDERS)


@each
def test_a_bounce_is_recorded_with_its_address_code_and_words(door: Door, name: str) -> None:
    assert door.post(bounce_of("ada@example.org")[name]) == 200
    (bounce,) = door.book.bounces
    assert (bounce.kind, bounce.address, bounce.status) == (BounceKind.HARD, "ada@example.org", "5.1.1")
    assert bounce.text.endswith("550 5.1.1 no")
    assert (bounce.subscriber_id, bounce.message_id) == (None, "")
    assert door.book.times == {NOW}
    assert door.warnings() == []


@each
def test_a_provider_that_is_not_set_up_is_not_there(name: str) -> None:
    with door_of() as door:
        assert door.post(bounce_of("ada@example.org")[name]) == 404
        assert door.book.is_empty


def test_an_unknown_provider_and_other_methods_are_not_there(door: Door) -> None:
    assert door.post(Request("mandrill", b"{}")) == 404
    assert door.client.get("/webhooks/ses").status_code == 405


@each
def test_a_body_that_was_changed_on_the_way_is_refused_with_one_log_line(door: Door, name: str) -> None:
    request = bounce_of("ada@example.org")[name]
    changed = {
        "ses": request.body.replace(b"ada@", b"bela@"),
        "mailgun": request.body.replace(b'"token": "c', b'"token": "d'),
        "postmark": request.body,
        "sendgrid": request.body.replace(b"ada@", b"bela@"),
    }
    headers = {"authorization": "Basic ZGlnZXN0Ym90Og=="} if name == "postmark" else request.headers
    assert door.post(request, body=changed[name], headers=headers) == 403
    assert door.book.is_empty
    (line,) = door.logs
    assert (line["event"], line["provider"], line["status"]) == ("webhook refused", name, 403)


@each
def test_a_body_of_more_than_a_megabyte_is_refused_unread(door: Door, name: str) -> None:
    request = bounce_of("ada@example.org")[name]
    assert door.post(request, body=request.body + b" " * (1_000_001 - len(request.body))) == 413
    assert door.book.is_empty
    assert len(door.logs) == 1


@each
def test_an_authentic_event_of_an_unknown_address_is_answered_so_that_it_does_not_come_again(
    door: Door, name: str
) -> None:
    assert door.post(bounce_of("nobody@example.org")[name]) == 200
    assert door.book.is_empty
    assert [line["event"] for line in door.logs] == ["webhook event changes nothing"]


@each
def test_while_the_store_fails_the_provider_is_asked_to_come_again_and_then_counts(door: Door, name: str) -> None:
    request = bounce_of("ada@example.org")[name]
    door.book.failure = StoreError("database or disk is full")
    assert door.post(request) == 503
    door.book.failure = None
    assert door.book.is_empty
    assert door.post(request) == 200
    assert len(door.book.bounces) == 1


@each
def test_what_the_pipeline_refuses_is_not_sent_again(door: Door, name: str) -> None:
    door.book.failure = ConflictError("this mail went to another address")
    assert door.post(bounce_of("ada@example.org")[name]) == 200
    assert door.book.is_empty


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\xfe", b"[" * 100_000, b"null", b"7", b'"text"'])
@each
def test_what_is_no_json_of_the_provider_is_not_understood(door: Door, name: str, body: bytes) -> None:
    request = sendgrid(body) if name == "sendgrid" else replace(bounce_of("ada@example.org")[name], body=body)
    assert door.post(request) == 400
    assert len(door.logs) == 1


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "a@b@c", "ada@example.org\x00", "\ud800@x.org", 7, None, ["a@b"]]
)
@each
def test_an_authentic_event_without_an_address_is_not_understood(door: Door, name: str, address: Any) -> None:
    assert door.post(bounce_of(address)[name]) == 400
    assert door.book.is_empty


def test_an_address_is_read_with_a_name_before_it(told: Callable[[Request], list[Any]]) -> None:
    for request in bounce_of("Ada Quill <ada@example.org>").values():
        assert [bounce.address for bounce in told(request)] == ["ada@example.org"]


def test_words_of_a_server_become_one_line_that_is_not_endless(told: Callable[[Request], list[Any]]) -> None:
    words = "550 5.1.1 no\r\nsuch\x00 user \ud800" + "x" * 5000
    record = {"RecordType": "Bounce", "Type": "HardBounce", "Email": "ada@example.org", "Details": words}
    (bounce,) = told(postmark(record))
    assert bounce.text.startswith("550 5.1.1 no such user xxx")
    assert len(bounce.text) == 500


# Each knock goes through threads: on a busy machine one may take longer than hypothesis waits, and be right.
ON_ANY_MACHINE = settings(deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("ada@example.org"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
TOKENS = count()
SIGNED: dict[str, Callable[[Any], Request]] = {
    "ses": ses,
    "mailgun": lambda event: mailgun(event, token=f"any-{next(TOKENS)}"),
    "postmark": postmark,
    "sendgrid": sendgrid,
}


@ON_ANY_MACHINE
@given(body=st.binary(max_size=300), name=st.sampled_from(PROVIDERS))
def test_any_bytes_from_anybody_are_refused_and_record_nothing(open_door: Door, body: bytes, name: str) -> None:
    assert open_door.post(Request(name, body)) in (400, 403)
    assert open_door.book.is_empty


@ON_ANY_MACHINE
@given(data=st.data(), name=st.sampled_from(PROVIDERS))
def test_no_event_is_believed_of_which_a_byte_of_the_proof_was_changed(
    open_door: Door, data: st.DataObject, name: str
) -> None:
    request = bounces_to_ada()[name]
    # What proves a request: with these two the headers, else what stands in the body.
    proofs = {"postmark": ["authorization"], "sendgrid": list(request.headers)}.get(name)
    if proofs:
        header = data.draw(st.sampled_from(proofs))
        headers = request.headers | {header: data.draw(_changed(request.headers[header]))}
        assert open_door.post(request, headers=headers) == 403
    else:
        body = request.body.decode()
        field = data.draw(st.sampled_from({"ses": ["Signature"], "mailgun": ["signature", "token"]}[name]))
        start = body.rindex(f'"{field}": "') + len(field) + 5
        end = body.index('"', start)
        changed = body[:start] + data.draw(_changed(body[start:end])) + body[end:]
        assert open_door.post(request, body=changed.encode()) == 403
    assert open_door.book.is_empty


@st.composite
def _changed(draw: st.DrawFn, text: str) -> str:
    """The text with one character changed, which stays one of base64 and hexadecimal; not the padding of it."""
    at = draw(st.integers(0, len(text.rstrip("=")) - 2))
    return text[:at] + draw(st.sampled_from([one for one in "0123456789abcdef" if one != text[at]])) + text[at + 1 :]


EVENT = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.sampled_from(["ada@example.org", *words])
        for name, words in {
            "event": ["failed", "bounce", "dropped", "spamreport"],
            "eventType": ["Bounce", "Complaint", "Subscription"],
            "RecordType": ["Bounce", "SubscriptionChange"],
            "Type": ["HardBounce"],
            "severity": ["permanent", "temporary"],
            "email": [],
            "recipient": [],
            "Email": [],
            "delivery-status": [],
            "message": [],
            "bounce": [],
            "complaint": [],
            "subscription": [],
            "mail": [],
        }.items()
    },
)


@ON_ANY_MACHINE
@given(said=JSON | EVENT, name=st.sampled_from(PROVIDERS))
def test_an_authentic_event_of_any_shape_is_answered(open_door: Door, said: Any, name: str) -> None:
    assert open_door.post(SIGNED[name](said)) in (200, 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ses_topic": "bounces"},
        {"ses_topic": "arn:aws:sqs:eu-west-1:123456789012:bounces"},
        {"ses_topic": "arn:aws:sns:evil.example.org/:123456789012:bounces"},
        {"ses_topic": TOPIC + "\n"},
        {"sendgrid_public_key": "no key"},
        {"sendgrid_public_key": "AAAA"},
    ],
)
def test_a_topic_or_key_that_can_be_none_is_said_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"^\[bounces\.(ses\] topic|sendgrid\] public_key): is "):
        configured(fetch=fetch, **wrong)


def test_only_what_has_a_key_is_set_up() -> None:
    assert configured(fetch=fetch) == {}
    assert list(configured(fetch=fetch, postmark_password=PASSWORD)) == ["postmark"]
