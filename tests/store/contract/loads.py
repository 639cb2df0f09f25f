"""Loads: what each source gave, where it goes on, and nothing kept for ever."""

from __future__ import annotations

from datetime import timedelta

from digestbot.store import LoadHistory, Store
from digestbot.store.loads import Loads
from tests.factories import DAY, NOW, load
from tests.store.scenes import EVER


class LoadsContract:
    """Loads: what each source gave, where it goes on, and nothing kept for ever."""

    def test_a_source_that_never_loaded_has_no_history(self, store: Store) -> None:
        store.loads.record(load("arxiv", cursor="page 2"))
        assert store.loads.history("feeds", EVER) == LoadHistory()
        assert store.loads.cursor("feeds") == ""

    def test_history_tells_the_last_load_from_the_last_that_brought_something(self, store: Store) -> None:
        hours = [NOW + timedelta(hours=number) for number in range(4)]
        store.loads.record(load("arxiv", started_at=hours[0], newest=DAY))
        store.loads.record(load("arxiv", started_at=hours[1], new=0, newest=DAY - timedelta(days=1)))
        store.loads.record(load("arxiv", started_at=hours[2], new=0, newest=None, error="503"))
        assert store.loads.history("arxiv", EVER) == LoadHistory(
            last_started=hours[2],
            last_success=hours[1],
            last_new=hours[0],
            newest=DAY,
            last_error="503",
            failing_since=hours[2],
            failures=1,
            loads=3,
        )
        store.loads.record(load("arxiv", started_at=hours[3], new=0, newest=None))
        assert (store.loads.history("arxiv", EVER).last_error, store.loads.history("arxiv", EVER).last_success) == (
            "",
            hours[3],
        )

    def test_a_load_that_broke_off_after_new_papers_brought_something(self, store: Store) -> None:
        store.loads.record(load("arxiv", new=5, error="the connection broke"))
        found = store.loads.history("arxiv", EVER)
        assert (found.last_new, found.last_success) == (NOW, None)

    def test_the_next_load_goes_on_from_the_newest_cursor_of_its_source(self, store: Store) -> None:
        for source, cursor in (("arxiv", "2025-05-26"), ("arxiv", "2025-05-27"), ("feeds", "tag"), ("arxiv", "")):
            store.loads.record(load(source, cursor=cursor))
        assert store.loads.cursor("arxiv") == "2025-05-27"
        assert store.loads.cursor("feeds") == "tag"

    def test_failures_count_from_the_last_success(self, store: Store) -> None:
        for number, error in enumerate(["503", "", "429", "429"]):
            store.loads.record(load("arxiv", started_at=NOW + timedelta(hours=number), error=error))
        found = store.loads.history("arxiv", EVER)
        assert (found.failures, found.failing_since) == (2, NOW + timedelta(hours=2))
        store.loads.record(load("arxiv", started_at=NOW + timedelta(hours=4)))
        found = store.loads.history("arxiv", EVER)
        assert (found.failures, found.failing_since) == (0, None)

    def test_what_showed_an_older_day_is_told_of_the_last_load_that_succeeded(self, store: Store) -> None:
        store.loads.record(load("arxiv", behind="cs.IR"))
        store.loads.record(load("arxiv", error="503"))
        assert store.loads.history("arxiv", EVER).behind == "cs.IR"
        store.loads.record(load("arxiv"))
        assert store.loads.history("arxiv", EVER).behind == ""

    def test_loads_of_a_time_to_come_are_not_known_before_it(self, store: Store) -> None:
        store.loads.record(load("arxiv"))
        store.loads.record(load("arxiv", started_at=NOW + timedelta(days=12), error="503"))
        found = store.loads.history("arxiv", NOW + timedelta(days=1))
        assert (found.last_started, found.last_error, found.loads) == (NOW, "", 1)

    def test_of_each_source_so_many_loads_are_kept_and_the_one_with_the_newest_cursor(self, store: Store) -> None:
        loads = Loads(store.database, kept=2)
        loads.record(load("feeds"))
        for number, cursor in enumerate(["first", "last", "", "", ""]):
            # A load that was told a time far ahead drives no other out.
            loads.record(load("arxiv", started_at=NOW + timedelta(days=-900 * number), cursor=cursor))
        assert loads.history("arxiv", EVER).loads == 3
        assert loads.history("feeds", EVER).loads == 1
        assert loads.cursor("arxiv") == "last"
