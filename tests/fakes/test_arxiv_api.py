"""The fake arXiv's API: what is asked for, in an order of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.fakes.arxiv import Arxiv, no_entries, short_page
from tests.fakes.replies import FOLLOWED, WEDNESDAY, get, records


def test_the_api_gives_known_ids_in_its_own_order_and_leaves_out_the_others(arxiv: Arxiv) -> None:
    wanted = [name.removeprefix("arxiv:") for name in list(arxiv.world.announced(FOLLOWED, WEDNESDAY))[:12]]
    page = get(arxiv.api_url, {"id_list": ",".join([*wanted, "2606.99999"]), "max_results": "20"})
    got = [one.removeprefix("http://arxiv.org/abs/").rpartition("v")[0] for one in page.all("//a:entry/a:id")]
    assert sorted(got) == sorted(wanted)
    assert got != wanted
    assert page.all("//s:totalResults") == ["12"]
    part = get(arxiv.api_url, {"id_list": ",".join(wanted), "start": "10"})
    assert [one.removeprefix("http://arxiv.org/abs/").rpartition("v")[0] for one in part.all("//a:entry/a:id")] == got[
        10:
    ]


def test_the_api_leaves_out_deleted_papers(arxiv: Arxiv) -> None:
    deleted = [
        one.removeprefix("oai:arXiv.org:")
        for one in records(arxiv, until="2026-06-09").all("//o:header[@status='deleted']/o:identifier")
    ]
    assert deleted
    assert get(arxiv.api_url, {"id_list": ",".join(deleted)}).all("//a:entry") == []


def test_one_malformed_id_spoils_the_batch(arxiv: Arxiv) -> None:
    page = get(arxiv.api_url, {"id_list": "2606.00001,abc"})
    assert page.status == 400
    assert page.all("//a:entry/a:id") == ["https://arxiv.org/api/errors#incorrect_id_format_for_abc"]


def test_the_api_knows_a_batch_from_midnight_and_finds_it_by_category_and_date(arxiv: Arxiv) -> None:
    query = "cat:cs.CL AND submittedDate:[202606051800 TO 202606091800]"
    first, last = datetime(2026, 6, 5, 18, tzinfo=UTC), datetime(2026, 6, 9, 18, tzinfo=UTC)
    wanted = {
        state.id
        for state in arxiv.world.papers().values()
        if "cs.CL" in state.categories and first <= state.versions[0].submitted < last
    }
    page = get(arxiv.api_url, {"search_query": query, "sortBy": "submittedDate", "max_results": "2000"})
    got = [one.removeprefix("http://arxiv.org/abs/").rpartition("v")[0] for one in page.all("//a:entry/a:id")]
    assert len(got) > 5
    assert set(got) == wanted
    assert page.all("//a:published") == sorted(page.all("//a:published"), reverse=True)
    newest = next(line.paper.id for line in arxiv.world.batch(WEDNESDAY) if line.action == "new")
    arxiv.world.now = datetime(2026, 6, 10, 3, 59, tzinfo=UTC)
    assert get(arxiv.api_url, {"id_list": newest}).all("//a:entry") == []


def test_api_faults_leave_out_what_was_promised(arxiv: Arxiv) -> None:
    wanted = ",".join(name.removeprefix("arxiv:") for name in list(arxiv.world.announced(FOLLOWED, WEDNESDAY))[:6])
    arxiv.api.fail(short_page, no_entries)
    for left in (3, 0, 6):
        page = get(arxiv.api_url, {"id_list": wanted})
        assert page.all("//s:totalResults") == ["6"]
        assert len(page.all("//a:entry")) == left
