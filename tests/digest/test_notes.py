"""A note says what its reader had chosen when it was asked for, however often it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.digest.compose import confirm_delivery, goodbye_delivery, quiet_delivery, welcome_delivery
from digestbot.digest.notes import as_chosen, to_details
from digestbot.digest.render import Renderer
from digestbot.errors import RejectedError
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import Delivery, Subscriber, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from tests.factories import DAY, NOW, subscriber

NOTES: dict[str, Callable[[Subscriber], Delivery]] = {
    "confirm": lambda reader: confirm_delivery(reader, domain="example.org", now=NOW),
    "welcome": lambda reader: welcome_delivery(reader, domain="example.org", now=NOW),
    "quiet": lambda reader: quiet_delivery(reader, local_day=DAY, domain="example.org", now=NOW),
    "goodbye": lambda reader: goodbye_delivery(reader, domain="example.org", now=NOW),
}


@pytest.fixture
def letters(store: Store, templates: jinja2.Environment, links: Links) -> Letters:
    sender = Sender(sender="digestbot <digestbot@example.org>")
    return Letters(store.digests, store.subscribers, Renderer(templates, links), links, sender)


@pytest.mark.parametrize("kind", NOTES)
def test_a_note_that_is_tried_again_is_the_same_bytes_whatever_its_reader_chooses_meanwhile(
    store: Store, letters: Letters, kind: str
) -> None:
    chosen = Preferences(language="de", send_at="06:30", timezone="Europe/Berlin", days="mon,thu")
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, chosen, NOW)
    store.outbox.add(NOTES[kind](reader))
    waiting = store.outbox.find(NOTES[kind](reader).kind, NOTES[kind](reader).key)
    assert waiting is not None
    before = letters.write(waiting)
    later = Preferences(language="en", send_at="21:15", timezone="Pacific/Auckland", days="weekly")
    store.subscribers.edit(reader.id, lambda _: later, NOW)
    assert letters.write(waiting) == before
    assert letters.write(NOTES[kind](store.subscribers.get(reader.id))) != before


@given(
    st.sampled_from(("en", "de")),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(("daily", "weekly", "mon,thu")),
)
def test_what_is_stored_brings_back_what_was_chosen(language: str, send_at: time, days: str) -> None:
    reader = subscriber(language=language, send_at=send_at, days=days, timezone="Asia/Tokyo")
    assert as_chosen(subscriber(email=reader.email), to_details(reader)) == reader


def test_an_older_note_has_its_language_and_the_rest_of_today() -> None:
    reader = subscriber(language="de", days="weekly")
    assert as_chosen(reader, "") == replace(reader, language="en")
    assert as_chosen(replace(reader, language="en"), "de") == reader


@pytest.mark.parametrize(
    "details", ["{", "{}", '{"language": "de"}', '{"language": "en", "days": "daily", "send_at": 7}']
)
def test_a_note_whose_details_cannot_be_read_is_rejected_and_keeps_no_other_from_going_out(
    store: Store, letters: Letters, details: str
) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(), NOW)
    with pytest.raises(RejectedError, match="cannot be written"):
        letters.write(replace(NOTES["welcome"](reader), details=details))
