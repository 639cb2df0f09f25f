"""Composing: who is due, what they can get, and in which order."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import jinja2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from digestbot.digest.compose import digest_delivery
from digestbot.links import Links
from digestbot.models import DISLIKE, LIKE, DeliveryKind, DeliveryState, Digest, Paper, Subscriber, SubscriberState
from digestbot.pipeline.due import Awaited
from digestbot.schedule import local_day
from digestbot.store import Store
from tests.factories import DAY, NOW, new_store, paper
from tests.pipeline.peers import DOMAIN, Office, Post, composer, join, letters

FIELDS = {
    "robots": "Robot arms learn to grasp objects with tactile control",
    "speech": "Speech recognition of whispered vowels and syllables",
    "proofs": "Formal proofs of theorems in dependent type theory",
}


def about(field: str, number: int, **changes: object) -> Paper:
    words = FIELDS[field]
    return paper(number, title=f"{words}: study {number}", abstract=f"{words}. Study {number}.", **changes)


def ids(digest: Digest) -> list[str]:
    return [item.paper.id for item in digest.items]


def composed(store: Store, now: datetime = NOW) -> dict[int, list[str]]:
    return {one.subscriber_id: ids(one) for one in composer(store).compose_due(now)}


def like(store: Store, reader: Subscriber, *papers: Paper) -> None:
    store.papers.add(papers, NOW)
    store.ratings.record(reader.id, {one.id: LIKE for one in papers}, now=NOW, origin="cli")


def mark(store: Store, digest_id: int, state: DeliveryState) -> None:
    with store.database.write() as connection:
        connection.execute("update deliveries set state = ? where digest_id = ?", (state, digest_id))


OLD = DAY - timedelta(days=60)


# who


def test_a_digest_waits_for_awaited_papers_only_where_they_could_be_in_it(store: Store) -> None:
    store.papers.add([paper(1)], NOW)
    berlin = join(store, "berlin", timezone="Europe/Berlin", send_at="09:00")
    honolulu = join(store, "honolulu", timezone="Pacific/Honolulu", send_at="21:00")
    made = composer(store)

    def due_at(now: datetime, hours: int) -> list[int]:
        awaited = Awaited(day=DAY, wait=timedelta(hours=hours))
        return [subscriber.id for subscriber, _ in made.due(now, awaited=awaited)]

    # At 08:00 UTC it is 10:00 in Berlin, and the evening of the day before in Honolulu.
    assert due_at(NOW, 2) == [honolulu.id]
    assert due_at(NOW, 1) == [berlin.id, honolulu.id]
    assert due_at(NOW + timedelta(hours=1), 2) == [berlin.id, honolulu.id]


def test_only_active_subscribers_whose_hour_has_come_are_due(store: Store) -> None:
    store.papers.add([paper(1)], NOW)
    ready = join(store, "ready")
    join(store, "later", send_at="08:01")
    join(store, "fridays", days="weekly")
    for state in SubscriberState:
        if state != SubscriberState.ACTIVE:
            store.subscribers.set_state(join(store, state).id, state, NOW)
    west = join(store, "west", timezone="America/Los_Angeles", send_at="01:00")
    east = join(store, "east", timezone="Asia/Tokyo", send_at="17:00")
    found = list(composer(store).due(NOW))
    assert [reader.id for reader, _ in found] == [ready.id, west.id, east.id]
    assert list(composed(store)) == [ready.id, west.id, east.id]
    assert list(composer(store).due(NOW)) == []


def test_only_one_can_be_asked_for_in_any_case(store: Store) -> None:
    store.papers.add([paper(1)], NOW)
    join(store, "ada")
    bela = join(store, "bela")
    made = list(composer(store).compose_due(NOW, only="BELA@example.org"))
    assert [one.subscriber_id for one in made] == [bela.id]


def test_who_has_nothing_new_gets_no_digest_and_stays_due(store: Store) -> None:
    reader = join(store, "ada")
    assert composed(store) == {}
    store.papers.add([paper(1, announced=OLD)], NOW)
    assert composed(store) == {}
    assert store.outbox.counts() == {}
    assert [one.id for one, _ in composer(store).due(NOW)] == [reader.id]
    store.papers.add([paper(2)], NOW)
    assert composed(store, NOW + timedelta(hours=2)) == {reader.id: [paper(2).id]}


def test_on_a_quiet_day_who_gets_no_digest_is_told_so_once_if_that_is_wanted(store: Store) -> None:
    ada = join(store, "ada")
    for now in (NOW, NOW + timedelta(hours=1)):
        assert list(composer(store, quiet=True).compose_due(now)) == []
    quiet = store.outbox.find(DeliveryKind.QUIET, f"{ada.id}:{DAY.isoformat()}")
    assert quiet is not None
    assert quiet.created_at == NOW
    assert store.outbox.counts() == {DeliveryState.PENDING: 1}
    assert list(composer(store, quiet=True).compose_due(NOW, store=False)) == []
    # The papers that come later in the day are not lost.
    store.papers.add([paper(1)], NOW)
    made = list(composer(store, quiet=True).compose_due(NOW + timedelta(hours=2)))
    assert [one.subscriber_id for one in made] == [ada.id]
    # And what says that there are none is not sent before them.
    assert store.outbox.counts() == {DeliveryState.EXPIRED: 1, DeliveryState.PENDING: 1}


def test_a_weekly_digest_goes_from_day_to_day_with_the_best_of_each_first(store: Store) -> None:
    friday = NOW + timedelta(days=3)
    reader = join(store, "ada", days="weekly")
    like(store, reader, about("robots", 1, announced=OLD))
    days = [DAY + timedelta(days=number) for number in (3, 1, 3, 1)]
    fields = ["proofs", "speech", "robots", "robots"]
    papers = [about(f, n, announced=day) for n, (f, day) in enumerate(zip(fields, days, strict=True), 2)]
    store.papers.add(papers, friday)
    (made,) = composer(store, floor=-9.0).compose_due(friday)
    assert [item.paper.announced for item in made.items] == sorted(days)
    assert [item.position for item in made.items] == [1, 2, 3, 4]
    assert [ids(made)[0], ids(made)[2]] == [papers[3].id, papers[2].id]


def test_papers_without_a_single_word_make_no_digest_and_no_error(store: Store) -> None:
    join(store, "ada")
    store.papers.add([paper(1, title="12345", abstract="67")], NOW)
    assert composed(store) == {}


def test_a_second_run_on_the_same_day_composes_nothing(store: Store) -> None:
    reader = join(store, "ada")
    store.papers.add([paper(1)], NOW)
    assert composed(store) == {reader.id: [paper(1).id]}
    store.papers.add([paper(2)], NOW)
    assert composed(store, NOW + timedelta(hours=3)) == {}


# what


def test_the_window_ends_at_the_readers_own_day(store: Store) -> None:
    # Announced on the 24th to the 29th.
    store.papers.add([paper(24 + n, announced=DAY + timedelta(days=n - 3)) for n in range(6)], NOW)
    here = join(store, "here")
    ahead = join(store, "ahead", timezone="Pacific/Auckland")
    # At 20:00 UTC it is the 28th in Auckland, eight in the morning.
    found = composed(store, NOW + timedelta(hours=12))
    assert sorted(found[here.id]) == [paper(day).id for day in (25, 26, 27)]
    assert sorted(found[ahead.id]) == [paper(day).id for day in (26, 27, 28)]


def test_after_a_pause_the_window_reaches_back_to_the_last_digest(store: Store) -> None:
    reader = join(store, "ada")
    store.papers.add([paper(1)], NOW)
    [first] = composer(store).compose_due(NOW)
    mark(store, first.id, DeliveryState.SENT)
    later = NOW + timedelta(days=8)
    store.papers.add([paper(2 + n, announced=DAY + timedelta(days=n)) for n in range(9)], later)
    # Eight days have passed: the days after the last digest's own.
    assert sorted(composed(store, later)[reader.id]) == [paper(2 + n).id for n in range(1, 9)]


def test_what_was_sent_or_rated_does_not_come_again(store: Store) -> None:
    reader = join(store, "ada", papers=2)
    other = join(store, "bela", papers=9)
    store.papers.add([paper(number) for number in range(1, 6)], NOW)
    store.ratings.record(reader.id, {paper(1).id: DISLIKE}, now=NOW, origin="cli")
    first = composed(store)
    assert len(first[reader.id]) == 2
    assert len(first[other.id]) == 5
    with store.database.write() as connection:
        connection.execute("update deliveries set state = 'sent'")
    second = composed(store, NOW + timedelta(days=1))
    assert set(second[reader.id]) == {paper(number).id for number in range(2, 6)} - set(first[reader.id])
    assert other.id not in second


@pytest.mark.parametrize("state", [DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.PENDING])
def test_papers_of_a_digest_that_did_not_go_out_are_candidates_again(store: Store, state: DeliveryState) -> None:
    reader = join(store, "ada")
    store.papers.add([paper(1), paper(2)], NOW)
    [first] = composer(store).compose_due(NOW)
    mark(store, first.id, state)
    assert composed(store, NOW + timedelta(days=1)) == {reader.id: ids(first)}


def test_each_reader_gets_at_most_the_chosen_number(store: Store) -> None:
    few, many = join(store, "few", papers=1), join(store, "many", papers=50)
    store.papers.add([paper(number) for number in range(1, 31)], NOW)
    made = {one.subscriber_id: one for one in composer(store).compose_due(NOW)}
    assert [len(made[few.id].items), len(made[many.id].items)] == [1, 30]
    assert made[few.id].considered == 30
    assert [item.position for item in made[many.id].items] == list(range(1, 31))


def test_likes_decide_and_the_terms_say_why(store: Store) -> None:
    fans = {field: join(store, field, papers=3) for field in FIELDS}
    for start, (field, fan) in enumerate(fans.items(), 1):
        like(store, fan, *(about(field, 100 * start + number, announced=OLD) for number in range(3)))
    store.papers.add([about(field, number) for number, field in enumerate([*FIELDS] * 4, 1)], NOW)
    made = {one.subscriber_id: one for one in composer(store).compose_due(NOW)}
    for field, fan in fans.items():
        best = made[fan.id]
        assert all(item.paper.title.startswith(FIELDS[field]) for item in best.items), field
        assert all(item.reason.kind == "terms" for item in best.items)
        assert set(" ".join(best.items[0].reason.terms).split()) <= set(FIELDS[field].lower().split())
        assert [item.score for item in best.items] == sorted((item.score for item in best.items), reverse=True)


def test_without_likes_the_chosen_categories_and_the_most_upvoted(store: Store) -> None:
    reader, anything = join(store, "ada", categories=("cs.RO",), papers=2), join(store, "bela", papers=2)
    store.papers.add(
        [
            paper(1, categories=("cs.RO",), upvotes=1),
            paper(2, categories=("cs.CL", "cs.RO"), upvotes=20),
            paper(3, categories=("cs.CL",), upvotes=900),
            paper(4, categories=("cs.RO",)),
        ],
        NOW,
    )
    assert composed(store) == {reader.id: [paper(2).id, paper(1).id], anything.id: [paper(3).id, paper(2).id]}


def test_a_floor_that_nothing_reaches_makes_no_digest(store: Store) -> None:
    like(store, join(store, "ada"), about("robots", 90, announced=OLD))
    store.papers.add([about("speech", 1)], NOW)
    assert list(composer(store, floor=0.5).compose_due(NOW)) == []


CORPUS = [about(field, 10 * number + place, upvotes=place) for place, field in enumerate(FIELDS) for number in range(5)]
EQUAL = [paper(number, title="The same title", abstract="The same text.") for number in (801, 802, 803)]


def order_of(folder: Path, papers: Sequence[Paper], liked: Sequence[Paper]) -> list[list[str]]:
    """Return the digests of a reader with likes and one without, over papers that came in this order."""
    store = new_store(folder / "store.sqlite")
    try:
        reader = join(store, "ada", papers=12)
        join(store, "bela", papers=12)
        like(store, reader, *liked)
        store.papers.add(papers, NOW)
        return [ids(one) for one in composer(store).compose_due(NOW)]
    finally:
        store.close()


@pytest.fixture(scope="module")
def usual_order(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    found = order_of(tmp_path_factory.mktemp("usual"), CORPUS + EQUAL, CORPUS[:3])
    # Who has likes gets what has a word in common with them.
    assert [len(one) >= least for one, least in zip(found, (2, 6), strict=True)] == [True, True]
    return found


@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(shuffle=st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_papers_came_in(
    tmp_path_factory: pytest.TempPathFactory, usual_order: list[list[str]], shuffle: random.Random
) -> None:
    papers, liked = CORPUS + EQUAL, CORPUS[:3]
    shuffle.shuffle(papers)
    shuffle.shuffle(liked)
    assert order_of(tmp_path_factory.mktemp("order"), papers, liked) == usual_order


# the same before and after


def test_a_dry_run_stores_nothing(store: Store) -> None:
    join(store, "ada")
    store.papers.add([paper(1)], NOW)
    before = list(store.database.connection.iterdump())
    [seen] = composer(store).compose_due(NOW, store=False)
    assert ids(seen) == [paper(1).id]
    assert list(store.database.connection.iterdump()) == before
    assert list(composer(store).compose_due(NOW)) == [seen]


def test_digests_are_numbered_and_know_how_many_papers_they_were_chosen_from(store: Store) -> None:
    join(store, "ada", papers=1)
    store.papers.add([paper(1), paper(2)], NOW)
    [first] = composer(store).compose_due(NOW)
    mark(store, first.id, DeliveryState.SENT)
    [second] = composer(store).compose_due(NOW + timedelta(days=1))
    assert [(one.number, one.considered) for one in (first, second)] == [(1, 2), (2, 1)]
    assert store.digests.find(second.id) == second


@pytest.mark.parametrize("likes", [0, 2])
def test_a_preview_is_to_the_byte_what_is_sent(
    store: Store, office: Office, server: Post, templates: jinja2.Environment, links: Links, likes: int
) -> None:
    reader, other = join(store, "ada", timezone="Europe/Berlin"), join(store, "bela")
    like(store, reader, *(about("robots", 90 + number, announced=OLD) for number in range(likes)))
    like(store, other, about("speech", 99, announced=OLD))
    store.papers.add([about(field, number, upvotes=number) for number, field in enumerate(FIELDS, 1)], NOW)
    now = NOW.replace(microsecond=123456)
    [digest] = composer(store).compose([(reader, local_day(now, reader.timezone))], now)
    preview = letters(store, templates, links).write_digest(
        digest, reader, digest_delivery(digest, reader, domain=DOMAIN)
    )
    assert store.digests.find(digest.id) is None

    assert len(list(composer(store).compose_due(now))) == 2
    office.deliver(now)
    sent = dict(server.taken)
    assert sent[reader.email] == preview
    found = office.delivery(digest)
    assert found.state == DeliveryState.SENT
    assert found.bytes_hash == hashlib.sha256(preview).hexdigest()
