"""The fake arXiv tells one story through three interfaces."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from digestbot.announcements import HOLIDAYS, Expected, announcement_day, expected
from tests.fakes.arxiv import Arxiv, Rates, World, expired_token
from tests.fakes.replies import FIRST, FOLLOWED, LAST, WEDNESDAY, feed, records


def test_two_worlds_of_one_seed_are_the_same_and_of_two_seeds_are_not() -> None:
    def told(seed: int) -> dict[str, str]:
        world = World(FIRST, LAST, papers_a_day=5, seed=seed)
        world.now = datetime(2026, 7, 1, tzinfo=UTC)
        return {identifier: repr(state) for identifier, state in world.papers().items()}

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_papers_are_announced_on_days_that_are_expected_and_numbered_by_their_month(arxiv: Arxiv) -> None:
    announced = arxiv.world.announced(arxiv.world.categories)
    assert set(announced.values()) == set(arxiv.world.days)
    assert all(expected(day) != Expected.NO for day in arxiv.world.days)
    assert date(2026, 6, 19) in HOLIDAYS[2026]
    assert date(2026, 6, 19) not in arxiv.world.days
    assert all(identifier.startswith(f"arxiv:{day:%y%m}.") for identifier, day in announced.items())


def test_new_papers_were_submitted_for_their_day_unless_they_were_held(arxiv: Arxiv) -> None:
    held = on_weekend = 0
    for day in arxiv.world.days:
        for line in arxiv.world.batch(day):
            submitted = line.paper.versions[0].submitted
            if line.action == "new" and announcement_day(submitted) != day:
                held += 1
                assert timedelta(days=7) < datetime(day.year, day.month, day.day, tzinfo=UTC) - submitted
            on_weekend += submitted.weekday() >= 5
    assert 0 < held < 30
    assert on_weekend


def test_the_truth_counts_each_paper_once_and_cross_lists_only_when_asked(arxiv: Arxiv) -> None:
    world = arxiv.world
    everything, primary = world.announced(FOLLOWED), world.announced(FOLLOWED, cross_lists=False)
    papers = {f"arxiv:{line.paper.id}": line.paper for day in world.days for line in world.batch(day)}
    assert primary.items() < everything.items()
    assert all(papers[identifier].primary in FOLLOWED for identifier in primary)
    assert any(papers[identifier].primary not in FOLLOWED for identifier in everything)
    assert world.announced(FOLLOWED, WEDNESDAY) == {name: day for name, day in everything.items() if day <= WEDNESDAY}
    # Some came to these readers only when they were cross-listed, days after they were new.
    new = {f"arxiv:{line.paper.id}": day for day in world.days for line in world.batch(day) if line.action == "new"}
    assert any(new[identifier] < day for identifier, day in everything.items())


def test_faults_belong_to_one_interface_and_are_used_up(arxiv: Arxiv) -> None:
    arxiv.oai.fail(expired_token)
    assert feed(arxiv).status == 200
    assert records(arxiv).all("//o:error/@code") == ["badResumptionToken"]
    assert records(arxiv).all("//o:error") == []
    assert (len(arxiv.feed.asked), len(arxiv.oai.asked), len(arxiv.api.asked), len(arxiv.asked)) == (1, 2, 0, 3)
    assert (len(arxiv.arrived), arxiv.most_at_once) == (3, 1)


def test_a_quiet_world_has_nothing_but_new_papers() -> None:
    quiet = Rates(held=0, cross_listed=0, replaced=0, edited=0, old_replaced=0, bulk_edited=0, deleted=0)
    world = World(FIRST, LAST, papers_a_day=10, rates=quiet)
    world.now = datetime(2026, 7, 1, tzinfo=UTC)
    assert world.papers().keys() == world.announced(world.categories).keys()
    assert {line.action for day in world.days for line in world.batch(day)} == {"new"}
