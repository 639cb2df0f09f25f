"""What mail providers tell, taken in by an installation as it stands: its settings, its secrets, its database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from digestbot.cli.installation import Installation
from digestbot.cli.webhooks import webhooks
from digestbot.errors import SettingsError
from digestbot.models import Delivery, DeliveryState, Subscriber, SubscriberState
from digestbot.settings import read_settings
from digestbot.store import Store
from digestbot.web.app import create_app
from tests.disks import limited
from tests.factories import NOW, paper
from tests.store.scenes import join, post
from tests.web.webhooks.senders import (
    PASSWORD,
    SIGNING_KEY,
    TOPIC,
    Amazon,
    Request,
    mailgun,
    postmark,
    sendgrid,
    sendgrid_key,
    ses,
    shown_by_sendgrid,
)

ADA = "ada@example.org"
KEY = "a-key-of-the-tests-without-blanks"
SECRETS = {
    "DIGESTBOT_KEYS": KEY,
    "DIGESTBOT_MAILGUN_SIGNING_KEY": SIGNING_KEY,
    "DIGESTBOT_POSTMARK_PASSWORD": PASSWORD,
}
PUBLIC = f'[bounces.ses]\ntopic = "{TOPIC}"\n[bounces.sendgrid]\npublic_key = "{shown_by_sendgrid(sendgrid_key())}"\n'


@dataclass
class Desk:
    """An installation with one subscriber and a mail to her, and the address that providers send to."""

    store: Store
    client: TestClient
    ada: Subscriber
    mail: Delivery
    logs: list[Any] = field(default_factory=list)

    def post(self, request: Request, **changed: Any) -> int:
        with capture_logs() as logs:
            answer = self.client.post(
                f"/webhooks/{request.to}", content=changed.get("body", request.body), headers=request.headers
            )
        self.logs = list(logs)
        return answer.status_code

    def state(self) -> SubscriberState:
        return self.store.subscribers.get(self.ada.id).state

    def posted(self) -> DeliveryState:
        found = self.store.bounces.posted(self.mail.message_id)
        assert found is not None
        return found.state

    def everything(self) -> str:
        return "\n".join(self.store.database.connection.iterdump())


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    opened: list[Installation] = []

    def make(text: str = PUBLIC, secrets: dict[str, str] = SECRETS) -> Desk:
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        settings = read_settings(tmp_path / "settings.toml", {}, folder=tmp_path)
        installation = Installation(settings, secrets)
        opened.append(installation)
        taken_in = webhooks(installation, clock=lambda: NOW, fetch=Amazon().fetch)
        app = create_app(installation.pages(lambda: NOW), webhooks=taken_in)
        ada = join(installation.store, email=ADA)
        mail = post(installation.store, ada, [paper()])[1]
        return Desk(store=installation.store, client=TestClient(app), ada=ada, mail=mail)

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()


def bounced(desk: Desk, kind: str = "Permanent", **recipient: str) -> dict[str, Any]:
    """What SES says of the mail to Ada."""
    refused = {"emailAddress": ADA, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"}
    return {
        "notificationType": "Bounce",
        "bounce": {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [refused | recipient]},
        "mail": {"headers": [{"name": "Message-ID", "value": desk.mail.message_id}]},
    }


def test_a_signed_bounce_suppresses_and_when_it_comes_twice_it_counts_once(desk: Desk) -> None:
    request = ses(bounced(desk))
    assert desk.post(request) == 200
    assert (desk.state(), desk.posted()) == (SubscriberState.BOUNCED, DeliveryState.BOUNCED)
    assert desk.store.suppressions.suppressed([ADA]) == {ADA}
    before = desk.everything()
    assert desk.post(request) == 200
    assert desk.everything() == before


def test_a_full_mailbox_is_one_point_however_often_it_is_told(desk: Desk) -> None:
    full = ses(bounced(desk, "Transient", status="4.2.2", diagnosticCode="smtp; 452 4.2.2 mailbox full"))
    for _ in range(6):
        assert desk.post(full) == 200
    points = desk.store.database.rows("select * from bounce_points")
    assert len(points) == 1
    assert desk.state() == SubscriberState.ACTIVE


@pytest.mark.parametrize(
    "forged",
    [
        lambda desk: ses(bounced(desk), TopicArn=f"{TOPIC}-of-somebody-else"),
        lambda _desk: mailgun(failed(), key="a key that was guessed"),
        lambda _desk: postmark(hard(), password=""),
    ],
    ids=["another topic", "another key", "no password"],
)
def test_what_is_not_proven_is_refused_and_changes_nothing(desk: Desk, forged: Callable[[Desk], Request]) -> None:
    before = desk.everything()
    assert desk.post(forged(desk)) == 403
    assert [line["event"] for line in desk.logs] == ["webhook refused"]
    assert desk.everything() == before


def failed() -> dict[str, Any]:
    answer = {"code": 550, "message": "5.1.1 no"}
    return {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": ADA,
        "delivery-status": answer,
    }


def hard() -> dict[str, Any]:
    return {"RecordType": "Bounce", "Type": "HardBounce", "Email": ADA, "Details": "550 5.1.1 no"}


def dropped() -> dict[str, Any]:
    return {"event": "bounce", "type": "bounce", "email": ADA, "reason": "550 5.1.1 no"}


def test_what_was_changed_on_the_way_is_refused_and_changes_nothing(desk: Desk) -> None:
    join(desk.store, email="eve@example.org")
    before = desk.everything()
    for request in (ses(bounced(desk)), sendgrid([dropped()])):
        assert desk.post(request, body=request.body.replace(b"ada@", b"eve@")) == 403
    assert desk.everything() == before


@pytest.mark.parametrize(
    "request_of", [lambda: mailgun(failed()), lambda: postmark(hard()), lambda: sendgrid([dropped()])]
)
def test_every_provider_is_believed_by_what_the_installation_knows_of_it(
    desk: Desk, request_of: Callable[[], Request]
) -> None:
    assert desk.post(request_of()) == 200
    assert desk.state() == SubscriberState.BOUNCED


def test_what_is_not_set_up_is_not_there(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of("", {"DIGESTBOT_KEYS": KEY})
    before = desk.everything()
    for request in (ses(bounced(desk)), mailgun(failed()), postmark(hard()), sendgrid([dropped()])):
        assert desk.post(request) == 404
    assert desk.everything() == before


def test_one_that_is_set_up_opens_no_other(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of("", {"DIGESTBOT_KEYS": KEY, "DIGESTBOT_POSTMARK_PASSWORD": PASSWORD})
    # An empty key is one that anybody can sign with.
    assert desk.post(mailgun(failed(), key="")) == 404
    assert desk.post(postmark(hard())) == 200
    assert desk.state() == SubscriberState.BOUNCED


def test_while_the_disk_is_full_the_provider_is_asked_to_come_again_and_then_it_counts(desk: Desk) -> None:
    request = ses(bounced(desk))
    before = desk.everything()
    with limited(0):
        assert desk.post(request) == 503
    assert [(line["event"], line["status"]) for line in desk.logs] == [("webhook refused", 503)]
    assert desk.everything() == before
    assert desk.post(request) == 200
    assert desk.state() == SubscriberState.BOUNCED


def test_who_leaves_at_the_provider_has_left_here_and_gets_no_last_mail(desk: Desk) -> None:
    left = mailgun({"event": "unsubscribed", "recipient": "Ada@Example.org"})
    for _ in range(2):
        assert desk.post(left) == 200
    assert desk.state() == SubscriberState.UNSUBSCRIBED
    assert desk.store.database.rows("select * from deliveries where kind = 'goodbye'") == []
    assert desk.store.suppressions.all() == []


def test_a_leaving_of_somebody_unknown_does_not_come_again(desk: Desk) -> None:
    before = desk.everything()
    assert desk.post(mailgun({"event": "unsubscribed", "recipient": "nobody@example.org"})) == 200
    assert [line["event"] for line in desk.logs] == ["webhook event changes nothing"]
    assert desk.everything() == before


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[bounces.ses]\ntopic = "bounces"', r"\[bounces\.ses\] topic: is no ARN"),
        ('[bounces.sendgrid]\npublic_key = "AAAA"', r"\[bounces\.sendgrid\] public_key: is not"),
    ],
)
def test_a_topic_or_key_that_can_be_none_is_named(desk_of: Callable[..., Desk], text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        desk_of(text)


def test_without_any_provider_there_is_nothing_to_take_in(tmp_path: Path) -> None:
    installation = Installation(read_settings(None, {}, folder=tmp_path), {"DIGESTBOT_KEYS": KEY})
    assert webhooks(installation) is None
    assert list(tmp_path.iterdir()) == []
