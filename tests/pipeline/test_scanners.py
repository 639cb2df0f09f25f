"""What a mail scanner presses trains nobody's profile."""

from __future__ import annotations

from datetime import timedelta

from digestbot.models import DISLIKE, LIKE, DeliveryState, Digest, RatingValue
from digestbot.store import Store
from tests.factories import NOW, paper
from tests.pipeline.peers import composer, join
from tests.store.scenes import held, mark

FIELDS = [
    "Robot arms learn to grasp objects with tactile control",
    "Speech recognition of whispered vowels and syllables",
    "Formal proofs of theorems in dependent type theory",
]


def load(store: Store, day: int) -> None:
    """Load three papers of each field, those of the first or of the second day."""
    store.papers.add(
        [
            paper(day * 100 + number, title=f"{words}: study {day}{number}", abstract=f"{words}.")
            for number, words in enumerate(FIELDS * 3)
        ],
        NOW,
    )


def shown(made: Digest) -> list[tuple[str, float]]:
    return [(item.paper.id, item.score) for item in made.items]


def press_every_button(store: Store, made: Digest) -> None:
    for number, item in enumerate(made.items):
        buttons: tuple[RatingValue, RatingValue] = (LIKE, DISLIKE)
        for value in buttons:
            now = NOW + timedelta(minutes=10, seconds=number)
            of_it = {item.paper.id: value}
            store.ratings.record(made.subscriber_id, of_it, now=now, origin="mail", digest_id=made.id)


def test_the_next_digest_is_that_of_a_reader_without_a_scanner(store: Store) -> None:
    load(store, 1)
    scanned, alone = (join(store, name, papers=4) for name in ("ada", "bela"))
    first = {made.subscriber_id: made for made in composer(store).compose_due(NOW)}
    assert shown(first[scanned.id]) == shown(first[alone.id])
    liked = first[alone.id].items[0].paper.id
    for made in first.values():
        store.ratings.record(made.subscriber_id, {liked: LIKE}, now=NOW, origin="mail", digest_id=made.id)
        mark(store, held(store, made), DeliveryState.SENT, NOW)
    press_every_button(store, first[scanned.id])
    load(store, 2)
    second = {made.subscriber_id: made for made in composer(store).compose_due(NOW + timedelta(days=1))}
    assert shown(second[scanned.id]) == shown(second[alone.id])
    # It is the like that made it: papers of the liked one's field come first.
    field = first[alone.id].items[0].paper.title.partition(":")[0]
    assert second[scanned.id].items[0].paper.title.startswith(field)
