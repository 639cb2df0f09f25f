"""Subscribers and the addresses that must not be mailed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path

import pytest

from digestbot.errors import ConflictError, NotFoundError
from digestbot.models import (
    LIKE,
    Subscriber,
    SubscriberState,
)
from digestbot.store import Defaults, Preferences, Store
from tests.factories import NOW, new_store, paper
from tests.store.scenes import LATER, join


class SubscribersContract:
    """Subscribers and the addresses that must not be mailed."""

    def test_who_chose_nothing_has_the_defaults(self, store: Store) -> None:
        reader = join(store)
        assert (reader.timezone, reader.send_at, reader.days, reader.papers) == ("UTC", time(7, 0), "daily", 10)
        assert reader.language == "en"
        chosen = join(store, timezone="Asia/Tokyo", send_at="18:30", days="mon", papers=3, categories=("cs.IR",))
        assert (chosen.timezone, chosen.send_at, chosen.days, chosen.papers) == ("Asia/Tokyo", time(18, 30), "mon", 3)
        assert store.subscribers.find(chosen.id) == chosen

    def test_an_address_is_one_subscriber_in_any_case(self, store: Store) -> None:
        reader = join(store, email="Ada@Example.org")
        with pytest.raises(ConflictError, match="already"):
            join(store, email="ada@example.ORG")
        assert store.subscribers.by_email("ADA@example.org") == reader
        assert store.subscribers.all() == [reader]

    def test_who_left_comes_back_with_the_history_under_the_same_id(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store, timezone="Asia/Tokyo")
        store.ratings.record(reader.id, {paper().id: LIKE}, now=NOW, origin="cli")
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        assert list(store.subscribers.active_with_last_day()) == []
        back = store.subscribers.add(reader.email, SubscriberState.PENDING, Preferences(papers=4), LATER)
        assert back == replace(reader, state=SubscriberState.PENDING, papers=4)
        assert [one.paper_id for one in store.ratings.of([back.id])[back.id]] == [paper().id]

    def test_a_suppressed_address_is_refused_and_its_subscriber_has_bounced(self, store: Store) -> None:
        reader, other = join(store, email="gone@example.org"), join(store)
        store.suppressions.suppress("GONE@example.org", "550 5.1.1 nobody here", NOW)
        store.suppressions.suppress("gone@example.org", "550 5.1.1 nobody here", LATER)
        assert store.subscribers.get(reader.id).state == SubscriberState.BOUNCED
        assert store.suppressions.suppressed(["Gone@example.org", other.email]) == {"Gone@example.org"}
        assert [one.id for one, _ in store.subscribers.active_with_last_day()] == [other.id]
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        with pytest.raises(ConflictError, match="suppressed"):
            join(store, email="gone@EXAMPLE.org")

    def test_nobody_whose_address_refuses_mail_becomes_active(self, store: Store) -> None:
        reader = join(store)
        store.suppressions.suppress(reader.email, "550 5.1.1 nobody here", NOW)
        for state in (SubscriberState.BOUNCED, SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING):
            store.subscribers.set_state(reader.id, state, NOW)
            assert not store.subscribers.set_state(reader.id, SubscriberState.ACTIVE, NOW)
            assert store.subscribers.get(reader.id).state == state

    def test_a_state_changes_only_from_those_that_are_named(self, store: Store) -> None:
        reader = join(store)
        left = (SubscriberState.UNSUBSCRIBED,)
        assert not store.subscribers.set_state(reader.id, SubscriberState.PAUSED, NOW, among=left)
        assert store.subscribers.get(reader.id).state == SubscriberState.ACTIVE
        assert not store.subscribers.set_state(999, SubscriberState.PAUSED, NOW)

    def test_saving_preferences_brings_nobody_back_who_has_left(self, store: Store) -> None:
        reader = join(store)
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        store.subscribers.set_preferences(reader.id, timezone="UTC", send_at="08:00", days="daily", papers=3, now=NOW)
        assert store.subscribers.get(reader.id).state == SubscriberState.UNSUBSCRIBED

    def test_who_chose_no_language_reads_the_installations(self, tmp_path: Path) -> None:
        with closing(new_store(tmp_path / "own.sqlite", Defaults(language="de"))) as store:
            silent, english = join(store), join(store, language="en")
            assert (silent.language, english.language) == ("de", "en")
            back = store.subscribers.edit(english.id, lambda _: Preferences(language=""), LATER)
            assert back == replace(english, language="de")

    def test_saving_preferences_keeps_a_language_that_is_not_named(self, store: Store) -> None:
        reader = join(store, language="de")
        for chosen, expected in ((None, "de"), ("en", "en"), (None, "en")):
            store.subscribers.set_preferences(
                reader.id, timezone="UTC", send_at="08:00", days="daily", papers=3, now=NOW, language=chosen
            )
            assert store.subscribers.get(reader.id).language == expected

    def test_an_edit_sees_what_holds_and_changes_only_what_it_names(self, store: Store) -> None:
        reader, other = join(store, timezone="Asia/Tokyo", follows=("Ada Quill",)), join(store)
        seen: list[Subscriber] = []

        def change(before: Subscriber) -> Preferences:
            seen.append(before)
            return Preferences(papers=4, follows=(*before.follows, "word:owl"), mutes=("author:Bela Vane",))

        edited = store.subscribers.edit(reader.id, change, LATER)
        assert seen == [reader]
        assert edited == replace(reader, papers=4, follows=("Ada Quill", "word:owl"), mutes=("author:Bela Vane",))
        assert store.subscribers.get(reader.id) == edited
        assert store.subscribers.get(other.id) == other

    def test_an_edit_that_fails_changes_nothing(self, store: Store) -> None:
        reader = join(store, follows=("Ada Quill",))

        def refuse(before: Subscriber) -> Preferences:
            raise ConflictError(before.email)

        with pytest.raises(ConflictError):
            store.subscribers.edit(reader.id, refuse, LATER)
        assert store.subscribers.get(reader.id) == reader
        with pytest.raises(NotFoundError):
            store.subscribers.edit(42, refuse, LATER)

    def test_nothing_chosen_and_everything_taken_back_differ(self, store: Store) -> None:
        reader = join(store, categories=("cs.IR",), follows=("Ada Quill",), mutes=("word:owl",))
        assert store.subscribers.edit(reader.id, lambda _: Preferences(), LATER) == reader
        nothing = Preferences(categories=(), follows=(), mutes=())
        cleared = store.subscribers.edit(reader.id, lambda _: nothing, LATER)
        assert cleared == replace(reader, categories=(), follows=(), mutes=())

    def test_who_never_confirmed_can_be_added_again(self, store: Store) -> None:
        first = join(store)
        store.subscribers.set_state(first.id, SubscriberState.PENDING, NOW)
        again = store.subscribers.add(first.email, SubscriberState.ACTIVE, Preferences(), LATER)
        assert (again.id, again.state) == (first.id, SubscriberState.ACTIVE)

    def test_somebody_unknown_is_none_or_an_error_that_names_the_address(self, store: Store) -> None:
        assert store.subscribers.find(42) is None
        with pytest.raises(NotFoundError):
            store.subscribers.get(42)
        with pytest.raises(NotFoundError, match=r"nobody@example\.org"):
            store.subscribers.by_email("nobody@example.org")

    def test_times_come_back_to_the_microsecond(self, store: Store) -> None:
        moment = datetime.fromisoformat("2025-05-27T23:59:59.000001+05:45")
        reader = store.subscribers.add("new@example.org", SubscriberState.ACTIVE, Preferences(), moment)
        assert store.subscribers.get(reader.id).created_at == moment
