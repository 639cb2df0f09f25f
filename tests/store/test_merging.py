"""Laws of merging: whatever papers are said to be, in whatever order, nothing of a reader's is lost."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestbot.models import LIKE, Paper
from digestbot.store import Store
from tests.factories import NOW, paper
from tests.store.contract.merging import send
from tests.store.scenes import LATER, join, sent_papers

_ROUNDS = count(1)

TITLES = ("Notes on sparse retrieval systems", "What the index forgets in time", "Reply")
descriptions = st.builds(
    lambda identifier, title, doi, text, later: paper(
        id=identifier, title=title, doi=doi, abstract=text, url="", announced=LATER.date().replace(day=later)
    ),
    st.sampled_from(
        ["arxiv:{0}.00001", "arxiv:{0}.00002", "doi:10.5555/{0}", "doi:10.5556/{0}", "feed:{0}", "hub:{0}"]
    ),
    st.sampled_from(TITLES),
    st.sampled_from(["", "10.5555/{0}", "10.5556/{0}", "10.48550/arXiv.{0}.00001", "10.48550/arXiv.{0}.00002"]),
    st.sampled_from(["", "A text.", "Another text."]),
    st.integers(1, 28),
)


def of_round(one: Paper, number: int) -> Paper:
    """Return a description whose ids and title no other round has: they all share a database."""
    month = f"{number // 12 + 10:02d}{number % 12 + 1:02d}"
    return replace(one, id=one.id.format(month), doi=one.doi.format(month), title=f"{one.title} {month}")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(descriptions, min_size=1, max_size=5))
def test_every_id_leads_to_a_paper_that_keeps_its_ratings_and_sent_marks(store: Store, drawn: list[Paper]) -> None:
    number = next(_ROUNDS)
    papers = [of_round(one, number) for one in drawn]
    readers = []
    for place, one in enumerate(papers):
        store.papers.add([one], NOW)
        reader = join(store)
        readers.append(reader)
        send(store, reader, [*store.papers.get([one.id]).values()])
        if place % 2:
            store.ratings.record(reader.id, {one.id: LIKE}, now=NOW, origin="mail")
    own = store.papers.resolve([one.id for one in papers])
    assert own.keys() == {one.id for one in papers}
    for place, (one, reader) in enumerate(zip(papers, readers, strict=True)):
        assert sent_papers(store, reader.id) == {own[one.id]}
        rated = [rating.paper_id for rating in store.ratings.of([reader.id])[reader.id]]
        assert rated == ([own[one.id]] if place % 2 else [])
    # Of arXiv's ids none is another's, and no id of a lesser kind hides one.
    assert all(own[one.id] == one.id for one in papers if one.id.startswith("arxiv:"))
    assert store.papers.add(papers, LATER).new == 0
    assert store.database.rows("pragma foreign_key_check") == []
