"""An installation's past gone through again, over a real store: what was known when, and what is judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.models import DeliveryState, Digest, Paper, Subscriber
from digestbot.pipeline.history import AHEAD_DAYS, LAST_DIGESTS, History, Replayed, Span
from digestbot.ranking.judgement import Reader
from digestbot.store import Store
from digestbot.store.past import Past
from tests.factories import DAY, NOW, digest
from tests.pipeline.peers import fitter, join
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, SUBJECTS, on
from tests.store.scenes import held, mark

SPAN = Span(window_days=3)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def stock(store: Store, days: int = 4) -> dict[tuple[str, int], Paper]:
    """Store, for each of some days, two papers of each subject; return the first of each by subject and day.

    The papers of a subject have the same words each day.
    """
    found: dict[tuple[str, int], Paper] = {}
    papers = []
    for day in range(days):
        for place, subject in enumerate(SUBJECTS):
            for number in range(2):
                author = f"Ada Quill the {day}{place}{number}"
                made = on(subject, day * 80 + place * 10 + number, announced=after(day), authors=(author,))
                papers.append(made)
                found.setdefault((subject, day), made)
    store.papers.add(papers, NOW)
    return found


def rate(
    store: Store, reader: Subscriber, paper: Paper, day: int, value: Literal[1, 0, -1] = 1, hour: float = 9
) -> None:
    at = datetime.combine(after(day), time(0), UTC) + timedelta(hours=hour)
    store.ratings.record(reader.id, {paper.id: value}, now=at, origin="cli")


def send(store: Store, reader: Subscriber, papers: Iterable[Paper], day: int, *, state: str = "sent") -> Digest:
    made = digest(*papers, reader=reader, local_day=after(day))
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    mark(store, held(store, made), DeliveryState(state), NOW)
    return made


def history(store: Store, **changes: Any) -> History:
    values: dict[str, Any] = {"half_life_days": 0.0}
    return History(Past(store.database), store.subscribers, store.papers, fitter(store), **values | changes)


def replay(store: Store, span: Span = SPAN) -> Replayed:
    found = history(store).replay(span, NOW + timedelta(days=30))
    assert found is not None
    return found


def only(store: Store, span: Span = SPAN) -> Reader:
    ((_, reader),) = replay(store, span).readers
    return reader


def scores(reader: Reader) -> list[float]:
    return [one.ndcg for one in reader.measures]


def test_without_a_rating_there_is_nothing_to_judge_by(store: Store) -> None:
    send(store, join(store, "ada"), stock(store).values(), 0)
    assert history(store).replay(SPAN, NOW) is None


def test_a_day_is_judged_by_what_was_liked_from_then_on_with_what_was_rated_before(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    rate(store, ada, papers[ROBOTS, 1], 1)
    found = only(store)
    # Of the first day nothing was known, so there is nothing to judge.
    assert (found.replayed, found.days) == (2, 1)
    assert found.measures[0].hits == found.measures[0].hit_days == 1
    assert found.measures[0].ndcg == 1


def test_a_profile_does_not_know_the_likes_it_is_judged_by(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    rate(store, ada, papers[SPEECH, 1], 1)
    # With the like of that day known, the paper of the same words would be first.
    assert only(store).measures[0].ndcg < 1


def test_ratings_given_when_the_week_is_over_change_nothing_about_the_days_before(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    rate(store, ada, papers[ROBOTS, 1], 1)
    before = only(store)
    rate(store, ada, papers[PROTEINS, 1], 1 + AHEAD_DAYS, hour=0)
    rate(store, ada, papers[ROBOTS, 1], 1 + AHEAD_DAYS, value=0)
    now = only(store)
    assert (now.days, now.measures) == (before.days, before.measures)


def test_a_like_counts_for_the_days_of_a_week_before_it(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    send(store, ada, [papers[SPEECH, 1]], 1)
    rate(store, ada, papers[ROBOTS, 1], AHEAD_DAYS, hour=23)
    assert only(store).days == 1
    late = join(store, "bela")
    rate(store, late, papers[ROBOTS, 0], 0)
    send(store, late, [papers[SPEECH, 1]], 1)
    rate(store, late, papers[ROBOTS, 1], AHEAD_DAYS + 1, hour=0)
    assert dict(replay(store).readers)[late.email].days == 0


def test_ratings_are_those_of_then_and_what_was_taken_back_is_none(store: Store) -> None:
    papers = stock(store)
    ada, bela = join(store, "ada"), join(store, "bela")
    for reader in (ada, bela):
        rate(store, reader, papers[ROBOTS, 0], 0)
        rate(store, reader, papers[ROBOTS, 1], 1)
        rate(store, reader, papers[ROBOTS, 1], 2, value=0)
    # Of what Bela had liked before the second day nothing is left by then.
    rate(store, bela, papers[ROBOTS, 0], 0, value=0, hour=10)
    found = dict(replay(store).readers)
    assert found[ada.email].days == 0
    assert found[bela.email].days == 0
    rate(store, ada, papers[ROBOTS, 1], 2, hour=20)
    assert dict(replay(store).readers)[ada.email].days == 1


def test_what_a_scanner_pressed_counts_for_nothing(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    made = send(store, ada, [papers[ROBOTS, 1], papers[SPEECH, 1]], 1)
    at = datetime.combine(after(1), time(8), UTC)
    for number, (item, value) in enumerate((item, value) for item in made.items for value in (1, -1)):
        pressed = {item.paper.id: value}
        moment = at + timedelta(seconds=number)
        store.ratings.record(ada.id, pressed, now=moment, origin="mail", digest_id=made.id)  # type: ignore[arg-type]
    found = only(store)
    assert (found.days, found.sent.liked, found.sent.disliked, found.sent.unrated) == (0, 0, 0, 2)
    assert [(week.likes, week.dislikes) for week in replay(store).weeks] == [(1, 0)]


def test_the_days_are_those_of_digests_and_before_the_first_those_of_ratings(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    for day in (0, 1):
        rate(store, ada, papers[ROBOTS, day], day)
    send(store, ada, [papers[ROBOTS, 2]], 2)
    # A digest that never went out was none; nor is a day of a like by itself from now on.
    send(store, ada, [papers[ROBOTS, 3]], 3, state="failed")
    rate(store, ada, papers[ROBOTS, 2], 3)
    found = replay(store)
    assert (found.first, found.last) == (after(0), after(2))
    assert (found.readers[0][1].replayed, found.readers[0][1].days) == (3, 2)


def test_what_was_sent_before_is_no_candidate_any_more(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    send(store, ada, [papers[ROBOTS, 1]], 1)
    send(store, ada, [papers[SPEECH, 1]], 2)
    rate(store, ada, papers[ROBOTS, 1], 2)
    found = only(store)
    assert (found.replayed, found.days) == (3, 1)


def test_after_a_gap_there_are_more_days_of_papers(store: Store) -> None:
    papers, ada = stock(store, days=8), join(store, "ada")
    rate(store, ada, papers[ROBOTS, 0], 0)
    send(store, ada, [papers[SPEECH, 1]], 1)
    send(store, ada, [papers[SPEECH, 7]], 7)
    rate(store, ada, papers[ROBOTS, 2], 7)
    # Of the day of the first digest as well: it was liked within a week, but was not there yet.
    assert only(store).days == 1
    assert only(store, Span(window_days=3, since=after(7))).days == 1
    bela = join(store, "bela")
    rate(store, bela, papers[ROBOTS, 0], 0)
    for day in (1, 6, 7):
        send(store, bela, [papers[PROTEINS, day]], day)
    rate(store, bela, papers[ROBOTS, 2], 7)
    found = dict(replay(store, Span(window_days=3, since=after(7))).readers)
    assert found[bela.email].days == 0


@pytest.mark.parametrize(("zone", "counts"), [("Pacific/Auckland", 1), ("America/Los_Angeles", 0)])
def test_a_day_begins_at_midnight_where_the_subscriber_lives(store: Store, zone: str, counts: int) -> None:
    papers, ada = stock(store), join(store, "ada", timezone=zone)
    rate(store, ada, papers[ROBOTS, 0], -1)
    send(store, ada, [papers[ROBOTS, 1]], 1)
    # At 20:00 UTC of the day before it is the 1st in Auckland; in Los Angeles it was rated before.
    rate(store, ada, papers[ROBOTS, 1], 0, hour=20)
    assert only(store, Span(window_days=3, since=after(1))).days == counts


def test_since_and_until_choose_days_digests_and_weeks(store: Store) -> None:
    papers, ada = stock(store, days=9), join(store, "ada")
    for day in range(9):
        rate(store, ada, papers[ROBOTS, day], day)
    everything = replay(store)
    assert [one.likes for one in everything.weeks] == [6, 3]
    some = replay(store, Span(window_days=3, since=after(2), until=after(3)))
    assert (some.first, some.last, some.readers[0][1].replayed) == (after(2), after(3), 2)
    assert [one.likes for one in some.weeks] == [2]
    none = replay(store, Span(window_days=3, since=after(90)))
    assert (none.first, none.weeks, none.overall.measures) == (None, [], ())


def test_of_the_last_digests_one_sees_what_became_of_them(store: Store) -> None:
    papers, ada = stock(store, days=LAST_DIGESTS + 1), join(store, "ada")
    for day in range(LAST_DIGESTS + 1):
        send(store, ada, [papers[PROTEINS, day], papers[SPEECH, day]], day)
    # Of the first digest, which is not among the last any more, and of the second and the third.
    rate(store, ada, papers[PROTEINS, 0], 1)
    rate(store, ada, papers[PROTEINS, 1], 2)
    rate(store, ada, papers[SPEECH, 2], 2, value=-1)
    found = only(store).sent
    assert (found.digests, found.papers) == (LAST_DIGESTS, 2 * LAST_DIGESTS)
    assert (found.liked, found.disliked) == (1, 1)


def test_papers_without_a_word_make_no_profile_and_no_harm(store: Store) -> None:
    ada = join(store, "ada")
    empty = on(ROBOTS, 1, title="2025", abstract="", announced=DAY)
    store.papers.add([empty], NOW)
    rate(store, ada, empty, 0)
    assert (only(store).replayed, only(store).days) == (1, 0)


def test_going_through_the_past_changes_no_row(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    for day in range(3):
        rate(store, ada, papers[ROBOTS, day], day)
    before = list(store.database.connection.iterdump())
    replay(store)
    assert list(store.database.connection.iterdump()) == before


def test_progress_is_told_from_none_to_all(store: Store) -> None:
    papers, ada = stock(store), join(store, "ada")
    for day in range(3):
        rate(store, ada, papers[ROBOTS, day], day)
    told: list[tuple[int, int]] = []
    history(store).replay(SPAN, NOW, lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_like_that_ages_counts_less_than_a_new_one(store: Store) -> None:
    papers, ada = stock(store, days=3), join(store, "ada")
    rate(store, ada, papers[SPEECH, 0], -200)
    rate(store, ada, papers[ROBOTS, 0], 0)
    rate(store, ada, papers[ROBOTS, 1], 1)
    ages, stays = (
        history(store, half_life_days=days).replay(Span(window_days=1), NOW + timedelta(days=30)) for days in (5.0, 0.0)
    )
    assert ages is not None
    assert stays is not None
    assert scores(ages.readers[0][1])[0] >= scores(stays.readers[0][1])[0]
    # The mean of likes looks at no day.
    assert scores(ages.readers[0][1])[1:] == scores(stays.readers[0][1])[1:]
