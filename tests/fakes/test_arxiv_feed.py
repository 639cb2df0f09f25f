"""The fake arXiv's feed: what today announced, sorted and cut as arXiv does it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from tests.fakes.arxiv import Arxiv, entry_without_title, lagging_dates, local_dates, unpadded_dates
from tests.fakes.replies import FOLLOWED, WEDNESDAY, feed, get


def test_the_feeds_of_all_days_announce_what_the_truth_says(arxiv: Arxiv) -> None:
    seen: dict[str, date] = {}
    for day in arxiv.world.days:
        arxiv.world.now = datetime(day.year, day.month, day.day, 4, 30, tzinfo=UTC)
        page = feed(arxiv)
        ids = page.all("//a:entry/a:id")
        assert len(set(ids)) == len(ids)
        for identifier, kind in zip(ids, page.all("//x:announce_type"), strict=True):
            if kind in ("new", "cross"):
                seen.setdefault("arxiv:" + identifier.removeprefix("oai:arXiv.org:").rpartition("v")[0], day)
    assert seen == arxiv.world.announced(FOLLOWED)


def test_the_kind_of_an_entry_is_relative_to_what_is_asked_for(arxiv: Arxiv) -> None:
    line = next(
        line for line in arxiv.world.batch(WEDNESDAY) if line.action == "new" and len(line.paper.categories) > 1
    )
    kind = f"//a:entry[contains(a:id, '{line.paper.id}')]/x:announce_type"
    assert feed(arxiv, line.paper.categories[0]).all(kind) == ["new"]
    assert feed(arxiv, line.paper.categories[1]).all(kind) == ["cross"]
    assert feed(arxiv, line.paper.categories[1].upper()).all(kind) == ["cross"]


def test_the_feed_is_sorted_by_kind_then_newest_first_and_cut_at_its_limit(arxiv: Arxiv) -> None:
    asked = "cs+stat+math"
    page = feed(arxiv, asked)
    order = ["new", "cross", "replace", "replace-cross"]
    places = [order.index(kind) for kind in page.all("//x:announce_type")]
    ids = page.all("//a:entry/a:id")
    assert set(places) == {0, 1, 2, 3}
    assert places == sorted(places)
    assert all(i > j for (p, i), (q, j) in pairwise(zip(places, ids, strict=True)) if p == q)
    arxiv.feed.limit = 3
    assert feed(arxiv, asked).all("//a:entry/a:id") == ids[:3]


def test_the_feed_is_of_the_eastern_day_and_empty_on_days_without_announcement(arxiv: Arxiv) -> None:
    arxiv.world.now = datetime(2026, 6, 10, 3, 59, tzinfo=UTC)
    assert set(feed(arxiv).all("//a:published")) == {"2026-06-09T00:00:00-04:00"}
    arxiv.world.now = datetime(2026, 6, 10, 4, 0, tzinfo=UTC)
    assert set(feed(arxiv).all("//a:published")) == {"2026-06-10T00:00:00-04:00"}
    for empty in (datetime(2026, 6, 13, 12, tzinfo=UTC), datetime(2026, 6, 19, 12, tzinfo=UTC)):
        arxiv.world.now = empty
        page = feed(arxiv)
        assert page.status == 200
        assert page.all("//a:entry") == []


def test_an_unchanged_feed_answers_304_to_its_unquoted_tag(arxiv: Arxiv) -> None:
    page = feed(arxiv)
    assert '"' not in page.headers["ETag"]
    assert page.headers["Cache-Control"] == f"max-age={12 * 3600}"
    again = feed(arxiv, headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    arxiv.world.now += timedelta(days=1)
    assert feed(arxiv, headers={"If-None-Match": page.headers["ETag"]}).status == 200


def test_an_unknown_category_fails_the_whole_feed(arxiv: Arxiv) -> None:
    page = feed(arxiv, "cs.CL+cs.ZZ")
    assert page.status == 400
    assert page.all("/a:feed/a:title") == ["Feed error for query: cs.CL+cs.ZZ"]


def test_rss_has_the_same_entries_as_atom(arxiv: Arxiv) -> None:
    rss = get(f"{arxiv.rss_url}/cs.CL")
    assert rss.all("//item/guid") == feed(arxiv, "cs.CL").all("//a:entry/a:id")
    assert rss.all("//skipDays/day") == ["Saturday", "Sunday"]


def test_feed_faults_hold_back_a_day_or_a_category_or_spoil_dates_and_entries(arxiv: Arxiv) -> None:
    good = feed(arxiv)
    arxiv.feed.fail(
        arxiv.feed.stale_day,
        arxiv.feed.stale_category("stat.ML"),
        lagging_dates,
        unpadded_dates,
        local_dates,
        entry_without_title,
    )
    assert feed(arxiv, headers={"If-None-Match": good.headers["ETag"]}).all("//a:published")[0].startswith("2026-06-09")
    mixed = set(feed(arxiv).all("//a:entry/a:id"))
    yesterday = {f"oai:arXiv.org:{line.paper.id}v{line.paper.version}" for line in arxiv.world.batch(date(2026, 6, 9))}
    assert mixed & yesterday
    assert mixed & set(good.all("//a:entry/a:id"))
    lagging = feed(arxiv)
    assert set(lagging.all("//a:published")) == {"2026-06-09T00:00:00-04:00"}
    assert lagging.all("//a:entry/a:id") == good.all("//a:entry/a:id")
    assert lagging.headers["ETag"] != good.headers["ETag"]
    assert set(feed(arxiv).all("//a:published")) == {"2026-6-10T0:00:00-04:00"}
    assert set(feed(arxiv).all("//a:published")) == {"2026-06-10T00:00:00"}
    spoiled = feed(arxiv)
    assert len(spoiled.all("//a:entry")) == len(spoiled.all("//a:entry/a:title")) + 1
