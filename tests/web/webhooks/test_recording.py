"""Webhooks over a real store: what a bounce does to the mail, its reader and the address."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot.models import DeliveryState, SubscriberState
from digestbot.pipeline.bounces import Bounces
from digestbot.store import Store
from digestbot.web.webhooks import Webhooks, configured
from tests.factories import NOW, paper
from tests.web.conftest import put
from tests.web.webhooks.conftest import Book
from tests.web.webhooks.senders import Amazon, sendgrid, sendgrid_key, shown_by_sendgrid


def test_a_bounce_that_comes_twice_counts_once_and_what_it_does_is_in_the_store(store: Store) -> None:
    reader, made = put(store, paper())
    ((message_id,),) = store.database.connection.execute("select message_id from deliveries").fetchall()
    bounce = {"event": "bounce", "type": "bounce", "email": "Ada@example.org", "reason": "550 5.1.1 no such user"}
    unknown = bounce | {"email": "nobody@example.org"}
    webhooks = Webhooks(
        providers=configured(fetch=Amazon().fetch, sendgrid_public_key=shown_by_sendgrid(sendgrid_key())),
        bounces=Bounces(ledger=store.bounces, suppressions=store.suppressions, subscribers=store.subscribers),
        subscriptions=Book(),
        clock=lambda: NOW,
    )
    request = sendgrid([unknown, bounce | {"smtp-id": message_id}])
    with TestClient(Starlette(routes=[webhooks.route])) as client:
        seen = []
        for _ in range(2):
            assert client.post("/webhooks/sendgrid", content=request.body, headers=request.headers).status_code == 200
            seen.append("\n".join(store.database.connection.iterdump()))
    assert store.subscribers.get(reader.id).state == SubscriberState.BOUNCED
    assert store.suppressions.suppressed([reader.email]) == {reader.email}
    posted = store.bounces.posted(message_id)
    assert posted is not None
    assert posted.state == DeliveryState.BOUNCED
    assert seen[0] == seen[1]
    assert made.subscriber_id == reader.id
