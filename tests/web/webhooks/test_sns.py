"""Amazon SNS: only what is signed for our topic is believed, and only Amazon is asked."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from digestbot.web.webhooks.sns import Message, Sns, topic
from tests.factories import NOW
from tests.web.webhooks.conftest import Door
from tests.web.webhooks.senders import (
    CERTIFICATE,
    CONFIRM,
    HOST,
    TOPIC,
    Amazon,
    Request,
    certificate,
    confirmation,
    notification,
    ses,
    signed_by_sns,
)

BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "ada@example.org"}]},
}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event Notification"])
def test_both_signatures_are_understood_with_a_subject_and_without(
    door: Door, version: str, subject: str | None
) -> None:
    assert door.post(ses(BOUNCE, SignatureVersion=version, Subject=subject)) == 200
    assert door.book.kinds() == ["hard"]


def test_a_subject_that_is_null_is_not_signed(door: Door) -> None:
    request = ses(BOUNCE)
    assert door.post(request, body=request.body.replace(b'{"Type"', b'{"Subject": null, "Type"')) == 200


def test_a_certificate_is_asked_for_once(door: Door) -> None:
    assert [door.post(ses(BOUNCE)) for _ in range(3)] == [200] * 3
    assert door.amazon.asked == [CERTIFICATE]


@pytest.mark.parametrize(
    "changes",
    [
        {"TopicArn": TOPIC.replace("123456789012", "999999999999")},
        {"TopicArn": TOPIC + "2"},
        {"SignatureVersion": "3"},
        {"SigningCertURL": CERTIFICATE.replace("https:", "http:")},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example.org/x.pem"},
        {"SigningCertURL": "https://evil.example.org/sns.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com@evil.example.org/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:8443/x.pem"},
        {"SigningCertURL": "https://s3.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem"},
        {"SigningCertURL": f"{HOST}/x.pem?to=evil.example.org"},
        {"SigningCertURL": f"{HOST}/../x.pem"},
        {"SigningCertURL": f"{HOST}/x.txt"},
        {"SigningCertURL": f"{HOST}/x.pem\n"},
        {"SigningCertURL": ""},
    ],
)
def test_what_is_of_another_topic_or_certificate_is_refused_before_anybody_is_asked(
    door: Door, changes: dict[str, str]
) -> None:
    assert door.post(ses(BOUNCE, **changes)) == 403
    assert door.amazon.asked == []
    assert door.book.is_empty


def test_a_signature_by_another_key_is_refused(door: Door) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert door.post(signed_by_sns(notification(BOUNCE), key=other)) == 403
    assert door.book.is_empty


def test_a_signature_of_one_version_is_not_taken_for_the_other(door: Door) -> None:
    request = ses(BOUNCE, SignatureVersion="1")
    assert door.post(request, body=request.body.replace(b'"SignatureVersion": "1"', b'"SignatureVersion": "2"')) == 403


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Type"])
def test_every_field_that_is_signed_is_looked_at(door: Door, field: str) -> None:
    request = ses(BOUNCE)
    value = notification(BOUNCE)[field]
    other = "UnsubscribeConfirmation" if field == "Type" else value + " "
    changes = {"Token": "abc", "SubscribeURL": CONFIRM, field: other}
    unsigned = signed_by_sns(notification(BOUNCE, **changes)).body
    signature = request.body[request.body.index(b'"Signature": ') :]
    body = unsigned[: unsigned.index(b'"Signature": ')] + signature
    assert door.post(request, body=body) == 403
    assert door.book.is_empty


@pytest.mark.parametrize(
    "content",
    [
        certificate(until=NOW - timedelta(seconds=1)),
        certificate(since=NOW + timedelta(seconds=1)),
        certificate(ec.generate_private_key(ec.SECP256R1())),
        b"<html>not found</html>",
    ],
    ids=["expired", "not valid yet", "another kind of key", "no certificate"],
)
def test_a_certificate_that_cannot_be_amazons_proves_nothing(door: Door, content: bytes) -> None:
    door.amazon.pages[CERTIFICATE] = content
    assert door.post(ses(BOUNCE)) == 403
    assert door.book.is_empty


def test_a_certificate_that_is_kept_is_not_good_for_ever(door: Door) -> None:
    assert door.post(ses(BOUNCE)) == 200
    door.times.append(NOW + timedelta(days=31))
    assert door.post(ses(BOUNCE)) == 403


def test_while_the_certificate_cannot_be_had_amazon_is_asked_to_come_again(door: Door) -> None:
    kept = door.amazon.pages.pop(CERTIFICATE)
    assert door.post(ses(BOUNCE)) == 503
    assert door.book.is_empty
    door.amazon.pages[CERTIFICATE] = kept
    assert door.post(ses(BOUNCE)) == 200
    assert door.book.kinds() == ["hard"]


def test_only_so_many_certificates_are_kept(door: Door) -> None:
    names = [f"{HOST}/x{number}.pem" for number in range(20)]
    door.amazon.pages |= dict.fromkeys(names, certificate())
    for name in names:
        assert door.post(ses(BOUNCE, SigningCertURL=name)) == 200
    assert door.post(ses(BOUNCE, SigningCertURL=names[-1])) == 200
    assert door.amazon.asked == names
    assert door.post(ses(BOUNCE, SigningCertURL=names[0])) == 200
    assert door.amazon.asked == [*names, names[0]]


def test_a_subscription_to_our_topic_is_confirmed(door: Door) -> None:
    assert door.post(signed_by_sns(confirmation())) == 200
    assert door.amazon.asked == [CERTIFICATE, CONFIRM]


def test_a_subscription_that_cannot_be_confirmed_now_is_offered_again(door: Door) -> None:
    del door.amazon.pages[CONFIRM]
    assert door.post(signed_by_sns(confirmation())) == 503


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/?Action=ConfirmSubscription",
        CONFIRM.replace("https:", "http:"),
        CONFIRM.replace("amazonaws.com/", "amazonaws.com.evil.example.org/"),
        CONFIRM.replace("https://", "https://evil.example.org@"),
        CONFIRM + "\r\nHost: evil.example.org",
        "http://127.0.0.1/",
        "",
    ],
)
def test_nobody_but_amazon_is_asked_to_confirm_even_when_amazon_signed_it(door: Door, url: str) -> None:
    assert door.post(signed_by_sns(confirmation(SubscribeURL=url))) == 403
    assert door.amazon.asked == [CERTIFICATE]


def test_a_subscription_to_another_topic_is_not_confirmed(door: Door) -> None:
    assert door.post(signed_by_sns(confirmation(TopicArn=TOPIC + "2"))) == 403
    assert door.amazon.asked == []


def test_the_end_of_the_subscription_is_said_in_the_log_and_not_undone(door: Door) -> None:
    assert door.post(signed_by_sns(confirmation(Type="UnsubscribeConfirmation"))) == 200
    assert door.amazon.asked == [CERTIFICATE]
    assert [line["log_level"] for line in door.logs] == ["warning"]


@pytest.mark.parametrize("name", ["Type", "Message", "MessageId", "Timestamp", "TopicArn", "SigningCertURL"])
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_message_that_lacks_a_field_is_not_understood(door: Door, name: str, value: Any) -> None:
    assert door.post(signed_by_sns(notification(BOUNCE, **{name: value}))) == 400
    assert door.book.is_empty


def test_what_comes_by_raw_delivery_is_not_signed_and_the_log_says_what_to_do(door: Door) -> None:
    assert door.post(Request("ses", b'{"notificationType": "Bounce"}')) == 400
    assert "raw message delivery" in door.logs[0]["problem"]


def test_two_messages_at_once_ask_for_their_certificate_once() -> None:
    amazon = Amazon()
    sns = Sns(topic(TOPIC), amazon.fetch)

    async def both() -> list[Message]:
        return await asyncio.gather(*(sns.message(ses(BOUNCE).body, NOW) for _ in range(2)))

    assert [json.loads(message.text) for message in asyncio.run(both())] == [BOUNCE] * 2
    assert amazon.asked == [CERTIFICATE]


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        ("arn:aws:sns:us-east-1:123456789012:a", "sns.us-east-1.amazonaws.com"),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:a", "sns.us-gov-west-1.amazonaws.com"),
        ("arn:aws-cn:sns:cn-north-1:123456789012:a", "sns.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_host_is_that_of_the_topics_region(arn: str, host: str) -> None:
    assert topic(arn).host == host
