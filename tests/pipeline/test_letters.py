"""A mail that waits is the same bytes whenever it is written."""

from __future__ import annotations

import jinja2
import pytest

from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.pipeline.letters import Letters
from digestbot.store import Store
from tests.factories import described, paper
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
