"""How many mails may go out, whoever asks, and whenever the program was started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest

from digestbot.models import Claim, RateLimits
from digestbot.store import Store
from tests.factories import NOW, paper
from tests.store.scenes import join, post

SECOND = timedelta(seconds=1)
MANY = 40


def waiting(store: Store, *emails: str) -> list[Claim]:
    """Return claims of digests for new readers at these addresses."""
    return [Claim(delivery=post(store, join(store, email=email), [paper()])[1]) for email in emails]


def addresses(many: int, domain: str = "example.org") -> list[str]:
    return [f"r{number}@{domain}" for number in range(many)]


def went(store: Store, claims: list[Claim], moment: datetime) -> tuple[list[Claim], Mapping[str, float]]:
    """Claim what may go out; return what is left, and for how long."""
    settled = store.outbox.settle(NOW, moment, claims=claims)
    return [one for one in claims if one.delivery.id not in settled.claimed], settled.waits


class RatesContract:
    """Claims keep to the rates."""

    @pytest.mark.parametrize(
        ("limits", "seconds", "most"),
        [
            (RateLimits(per_second=2), 10, 21),
            (RateLimits(per_second=0.5), 20, 11),
            (RateLimits(per_hour=360), 60, 12),
            (RateLimits(per_domain={"example.org": 60.0}), 10, 13),
            (RateLimits(per_domain={"*": 60.0}), 10, 13),
            (RateLimits(per_second=20, per_hour=360), 60, 12),
        ],
    )
    def test_in_any_time_no_more_go_out_than_the_rate_and_what_its_bucket_holds(
        self, store: Store, limits: RateLimits, seconds: int, most: int
    ) -> None:
        store.outbox.open_run("one", limits)
        left, passed = waiting(store, *addresses(MANY)), 0.0
        while passed <= seconds:
            left, waits = went(store, left, NOW + passed * SECOND)
            assert waits, "more wait than may go out"
            assert all(wait > 0 for wait in waits.values())
            passed += 0.25
        assert most - 2 <= MANY - len(left) <= most
        store.outbox.close_run()

    def test_without_rates_everything_goes_out_at_once(self, store: Store) -> None:
        store.outbox.open_run("one")
        assert went(store, waiting(store, *addresses(MANY)), NOW) == ([], {})
        store.outbox.close_run()

    def test_a_wait_is_as_long_as_it_is_said_to_be(self, store: Store) -> None:
        store.outbox.open_run("one", RateLimits(per_second=0.1))
        left, waits = went(store, waiting(store, *addresses(3)), NOW)
        assert len(left) == 2
        assert waits == {"": pytest.approx(10.0)}
        assert len(went(store, left, NOW + 9.9 * SECOND)[0]) == 2
        assert len(went(store, left, NOW + 10 * SECOND)[0]) == 1
        store.outbox.close_run()

    def test_a_rate_for_one_domain_holds_up_no_other(self, store: Store) -> None:
        store.outbox.open_run("one", RateLimits(per_domain={"slow.example": 1.0}))
        slow = waiting(store, *addresses(3, "Slow.Example"))
        left, waits = went(store, slow + waiting(store, *addresses(5, "fast.example")), NOW)
        assert left == slow[1:]
        assert list(waits) == ["slow.example"]
        found = store.outbox.waiting(9, NOW, spared=["slow.example"])
        assert found == []
        assert len(store.outbox.waiting(9, NOW)) == 2
        store.outbox.close_run()

    def test_a_restart_and_another_process_know_what_was_sent(self, store: Store, another: Callable[[], Store]) -> None:
        limits = RateLimits(per_second=1)
        claims = waiting(store, *addresses(4))
        store.outbox.open_run("one", limits)
        left, _ = went(store, claims, NOW)
        store.outbox.close_run()
        other = another()
        other.outbox.open_run("two", limits)
        assert len(went(other, left, NOW + 0.5 * SECOND)[0]) == len(left)
        assert len(went(other, left, NOW + 1 * SECOND)[0]) == len(left) - 1
        other.outbox.close_run()

    def test_a_clock_that_is_set_back_gives_nothing_and_breaks_nothing(self, store: Store) -> None:
        store.outbox.open_run("one", RateLimits(per_second=1))
        left, _ = went(store, waiting(store, *addresses(4)), NOW)
        back = NOW - timedelta(hours=1)
        assert len(went(store, left, back)[0]) == len(left)
        assert len(went(store, left, back + 1 * SECOND)[0]) == len(left) - 1
        store.outbox.close_run()

    def test_a_server_that_asks_for_patience_gets_half_and_slowly_all_again(self, store: Store) -> None:
        store.outbox.open_run("one", RateLimits(server="server mail.example.org:25"))
        claims = waiting(store, *addresses(MANY))
        store.outbox.slow_down(2.0, NOW)
        left, _ = went(store, claims, NOW)
        assert len(left) == MANY
        # One mail a second, for a start.
        left, _ = went(store, left, NOW + 1 * SECOND)
        assert len(left) == MANY - 1
        left, _ = went(store, left, NOW + timedelta(minutes=15))
        assert len(left) == MANY - 2
        left, _ = went(store, left, NOW + timedelta(minutes=15) + 0.7 * SECOND)
        assert len(left) == MANY - 3
        assert went(store, left, NOW + timedelta(minutes=31))[0] == []
        store.outbox.close_run()

    def test_each_time_it_asks_it_gets_half_of_that_and_the_replies_of_a_moment_are_one(self, store: Store) -> None:
        limits = RateLimits(server="server mail.example.org:25")
        store.outbox.open_run("one", limits)
        claims = waiting(store, *addresses(3))
        for moment in (NOW, NOW + 0.2 * SECOND, NOW + 0.9 * SECOND):
            store.outbox.slow_down(8.0, moment)
        store.outbox.slow_down(8.0, NOW + 2 * SECOND)
        # 8, 4, 2 a second.
        left, waits = went(store, claims, NOW + 2 * SECOND)
        assert len(left) == 3
        assert waits[""] == pytest.approx(0.5, rel=0.02)
        store.outbox.close_run()
        store.outbox.open_run("other", RateLimits(server="server other.example.org:25"))
        assert went(store, claims, NOW + 2 * SECOND)[0] == []
        store.outbox.close_run()
