"""A mail that waits is the same bytes whenever it is written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jinja2
import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import Digest, Subscriber
from digestbot.pipeline.letters import Letters
from digestbot.store import Store
from tests.factories import described, digest, paper, subscriber
from tests.store.scenes import LATER, join, post


@pytest.mark.parametrize("merged", [False, True])
def test_a_paper_that_gets_another_id_meanwhile_changes_no_byte_of_a_mail_that_waits(
    store: Store, templates: jinja2.Environment, links: Links, *, merged: bool
) -> None:
    places = described()
    if merged:
        store.papers.add([places["doi"]], LATER)
    _, delivery = post(store, join(store), [places["feed"], paper(7)])
    sender = Sender(sender="digestbot <digestbot@example.org>")
    letters = Letters(store.digests, store.subscribers, Renderer(templates, links), links, sender)
    before = letters.write(delivery)
    assert places["feed"].id.encode() in before
    store.papers.add([places["arxiv"]], LATER)
    assert store.papers.resolve([places["feed"].id]) == {places["feed"].id: places["arxiv"].id}
    assert letters.write(delivery) == before


def six_digests() -> list[tuple[Digest, Subscriber]]:
    """Digests that share papers, with the days above some of them and followed authors in others."""
    readers = [
        subscriber(number, language=("en", "de")[number % 2], days=("daily", "weekly")[number % 3 == 0])
        for number in range(1, 7)
    ]
    return [(digest(*map(paper, range(one.id % 5 + 1, one.id % 5 + 9)), reader=one), one) for one in readers]


def test_a_mail_is_the_same_bytes_whatever_was_written_before_and_beside_it(
    templates: jinja2.Environment, links: Links, store: Store
) -> None:
    def fresh() -> Letters:
        sender = Sender(sender="digestbot <digestbot@example.org>")
        return Letters(store.digests, store.subscribers, Renderer(templates, links), links, sender)

    def written(letters: Letters, one: tuple[Digest, Subscriber]) -> bytes:
        return letters.write_digest(*one, digest_delivery(*one, domain="example.org"))

    mails = six_digests()
    alone = [written(fresh(), one) for one in mails]
    warm = fresh()
    assert [written(warm, one) for one in reversed(mails)][::-1] == alone
    assert [written(warm, one) for one in mails] == alone
    shared = fresh()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda one: written(shared, one), mails * 2)) == alone * 2
