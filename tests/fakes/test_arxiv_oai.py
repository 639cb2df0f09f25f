"""The fake arXiv's OAI-PMH: every record, in pages, as its rules say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from digestbot.announcements import announcement_day
from tests.fakes.arxiv import Arxiv, Rates, World, record_with_broken_date, record_without_title
from tests.fakes.replies import FIRST, LAST, WEDNESDAY, get, harvest, records


def test_oai_knows_a_batch_from_half_past_ten_in_the_evening_before(arxiv: Arxiv) -> None:
    wanted = {"from": "2026-06-10", "until": "2026-06-10"}
    arxiv.world.now = datetime(2026, 6, 10, 2, 29, tzinfo=UTC)
    assert records(arxiv, **wanted).all("//o:error/@code") == ["noRecordsMatch"]
    arxiv.world.now = datetime(2026, 6, 10, 2, 30, tzinfo=UTC)
    found = harvest(arxiv, **wanted)
    assert {f"oai:arXiv.org:{line.paper.id}" for line in arxiv.world.batch(WEDNESDAY)} <= set(found)


def test_pages_of_any_size_give_every_record_once(arxiv: Arxiv) -> None:
    whole = harvest(arxiv, **{"from": "2026-06-01"})
    assert len(set(whole)) == len(whole)
    for size in (7, 50):
        arxiv.oai.page_size = size
        assert harvest(arxiv, **{"from": "2026-06-01"}) == whole
    arxiv.oai.overlap = 3
    repeated = harvest(arxiv, **{"from": "2026-06-01"})
    assert len(repeated) > len(whole)
    assert set(repeated) == set(whole)


def test_a_token_is_a_query_with_a_skip_that_ends_at_midnight(arxiv: Arxiv) -> None:
    arxiv.oai.page_size = 10
    page = records(arxiv, **{"from": "2026-06-01", "set": "cs"})
    (token,) = page.all("//o:resumptionToken")
    assert page.all("//o:resumptionToken/@*") == ["2026-06-11T00:00:00Z"]
    assert unquote(token).startswith("verb=ListRecords&metadataPrefix=arXivRaw&from=2026-06-01&set=cs&skip=")
    assert records(arxiv, resumptionToken=token).all("//o:record")
    assert records(arxiv, resumptionToken=unquote(token)).all("//o:error/@code") == ["badResumptionToken"]
    arxiv.world.now = datetime(2026, 6, 11, tzinfo=UTC)
    assert records(arxiv, resumptionToken=token).all("//o:error/@code") == ["badResumptionToken"]


def test_a_set_holds_what_lists_the_category_cross_lists_included(arxiv: Arxiv) -> None:
    arxiv.oai.page_size = 30
    known = arxiv.world.papers()
    for name, categories in (("cs:cs:CL", {"cs.CL"}), ("physics:hep-th", {"hep-th"})):
        found = {"arxiv:" + one.removeprefix("oai:arXiv.org:") for one in harvest(arxiv, set=name)}
        assert found & known.keys() == {one for one, state in known.items() if categories & set(state.categories)}
    assert set(harvest(arxiv, set="cs:cs:CL")) < set(harvest(arxiv, set="cs")) == set(harvest(arxiv, set="cs:cs"))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": "2026-06-10", "until": "2026-06-12"}, "badArgument"),
        ({"from": "2026-06-10", "until": "2026-06-09"}, "badArgument"),
        ({"from": "2026-06-10T00:00:00Z"}, "badArgument"),
        ({"from": "2026-06-11"}, "noRecordsMatch"),
        ({"set": "cs:cs:ZZ"}, "badArgument"),
        ({"resumptionToken": "nonsense"}, "badResumptionToken"),
    ],
)
def test_oai_refuses_with_a_code_and_http_200(arxiv: Arxiv, query: dict[str, str], code: str) -> None:
    page = records(arxiv, **query)
    assert page.status == 200
    assert page.all("//o:error/@code") == [code]


def test_bulk_edits_touch_old_papers_of_one_version_and_deleted_ones_are_marked(arxiv: Arxiv) -> None:
    world = World(FIRST, LAST, papers_a_day=20, rates=Rates(old_replaced=0))
    world.now = datetime(2026, 6, 27, tzinfo=UTC)
    announced_to = world.categories
    announced = world.announced(announced_to)
    touched = [state for state in world.papers().values() if state.datestamp >= FIRST]
    old = [state for state in touched if f"arxiv:{state.id}" not in announced]
    assert len(old) > 40
    assert {len(state.versions) for state in old} == {1}
    assert max(state.versions[0].submitted for state in old).date() < FIRST - timedelta(days=90)
    assert any("/" in state.id for state in old)
    arxiv.world.now = world.now
    page = records(arxiv, **{"from": "2026-05-25"})
    deleted = page.all("//o:header[@status='deleted']/o:identifier")
    assert any(one.startswith("oai:arXiv.org:2606.") for one in deleted)
    assert not {one.replace("oai:arXiv.org:", "arxiv:") for one in deleted} & arxiv.world.announced(announced_to).keys()


@pytest.mark.parametrize("seed", range(4))
def test_who_reads_oai_by_the_rule_finds_what_was_announced(seed: int) -> None:
    world = World(FIRST, LAST, papers_a_day=30, seed=seed)
    world.now = datetime(2026, 7, 3, tzinfo=UTC)
    found = {
        identifier
        for identifier, state in world.papers().items()
        if state.datestamp >= FIRST
        and state.id[:4] in (f"{state.datestamp:%y%m}", f"{state.datestamp.replace(day=1) - timedelta(days=1):%y%m}")
        and (state.version == 1 or announcement_day(state.versions[0].submitted) >= FIRST)
    }
    assert found == world.announced(world.categories).keys()


def test_a_record_tells_all_versions_and_the_same_as_the_truth(arxiv: Arxiv) -> None:
    state = next(state for state in arxiv.world.papers().values() if len(state.versions) == 3)
    page = get(
        arxiv.oai_url, {"verb": "GetRecord", "metadataPrefix": "arXivRaw", "identifier": f"oai:arXiv.org:{state.id}"}
    )
    assert page.all("//r:version/@version") == ["v1", "v2", "v3"]
    assert page.all("//r:version/r:date")[0] == state.versions[0].submitted.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert " ".join(page.all("//r:title")[0].split()) == state.title
    assert " ".join(page.all("//r:abstract")[0].split()) == state.abstract
    assert page.all("//r:categories") == [" ".join(state.categories)]


def test_oai_faults_spoil_one_record_or_repeat_a_page(arxiv: Arxiv) -> None:
    arxiv.oai.page_size = 10
    first = records(arxiv, **{"from": "2026-06-09"})
    (token,) = first.all("//o:resumptionToken")
    arxiv.oai.fail(arxiv.oai.repeated_page, record_without_title, record_with_broken_date)
    assert records(arxiv, resumptionToken=token).all("//o:identifier") == first.all("//o:identifier")
    second = records(arxiv, resumptionToken=token)
    assert len(second.all("//r:arXivRaw[not(r:title)]")) == 1
    assert records(arxiv, resumptionToken=token).body.count(b"32 Foo") == 1
    assert not set(second.all("//o:identifier")) & set(first.all("//o:identifier"))
