"""arXiv as one source: today's feed, and OAI-PMH for every day that was missed.

The cursor says, for each category, the last day whose announcements are all in. Whether today's are is told by the
papers, not by the date that a feed gives itself: single categories go stale, and dates lag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import structlog

from digestbot.announcements import Expected, announcement_day, eastern_day, expected
from digestbot.errors import SourceError, SourceFormatError, SourceUnavailableError
from digestbot.models import Paper, PaperId
from digestbot.sources import Ask, Batch
from digestbot.sources.arxiv.cursor import Cursor
from digestbot.sources.arxiv.feed import Feed, parse_feed, query_error
from digestbot.sources.arxiv.names import belongs, oai_set, wanted
from digestbot.sources.arxiv.oai import Page, announced_on, harvest
from digestbot.sources.client import Client, lane_of

log = structlog.get_logger()

_DAY = timedelta(days=1)
# So long a record that cannot be read is asked for again, in case that it was a fault of the moment.
_GIVE_UP_AFTER = timedelta(days=2)
# Older gaps are filled when somebody asks for it: papers of then are in no digest any more.
_REACH = timedelta(days=60)


class ArxivSource:
    """The announcements of some categories, each once."""

    name = "arxiv"

    def __init__(
        self,
        client: Client,
        *,
        categories: Sequence[str],
        feed_url: str,
        oai_url: str,
        cross_lists: bool = True,
        pace: float = 3.0,
    ) -> None:
        self.categories = tuple(dict.fromkeys(categories))
        self.cross_lists = cross_lists
        self._client = client
        self._feed_url = feed_url.rstrip("/")
        self._oai_url = oai_url
        self._lane = lane_of("https://arxiv.org", pace)

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield today's feed, then what OAI-PMH knows of the days since the last complete load, or since a day.

        A first load begins with today. When the feed fails, OAI-PMH is asked for today as well. A category that
        fails does not stop the others; the first error is raised at the end.
        """
        if not self.categories:
            raise SourceUnavailableError("arxiv: no categories; set [sources.arxiv] categories")
        load = _Load(self, ask)
        failed: SourceError | None = None
        try:
            feed = await self._feed(load.today)
        except SourceError as error:
            if not ask.cursor and ask.since is None:
                raise
            failed = error
            log.warning("arxiv feed failed", problem=str(error))
            gaps = load.gaps(with_today=True)
        else:
            batch = load.judged(feed, await ask.known([entry.paper.id for entry in feed.entries if entry.announces]))
            gaps = load.gaps(with_today=not feed.complete)
            yield replace(batch, cursor=load.after_feed(gaps))
        if gaps:
            async for batch in self._filled(load, gaps):
                yield batch
        if load.problem is not None:
            raise load.problem
        if failed is not None and not (gaps and load.is_served):
            raise failed

    async def _filled(self, load: _Load, gaps: Mapping[str, date]) -> AsyncIterator[Batch]:
        first = load.first_day(gaps)
        for category, missing in gaps.items():
            pages = harvest(self._client, self._lane, url=self._oai_url, of=oai_set(category), first=missing)
            try:
                async for page in pages:
                    batch = load.batch(page, category, first)
                    cursor = load.after_page(page, category, missing)
                    yield replace(batch, asked=f"OAI-PMH {category} from {missing}", cursor=cursor)
            except SourceError as error:
                if load.problem is not None:
                    # It is not this category: OAI-PMH is down.
                    break
                load.problem = error
            else:
                load.complete.add(category)
        yield Batch(cursor=load.after_filling(gaps))

    async def _feed(self, today: date) -> Feed:
        url = f"{self._feed_url}/{'+'.join(self.categories)}"

        def parse(body: bytes) -> Feed:
            try:
                return parse_feed(body, today=today)
            except SourceFormatError:
                if query_error(body).lower().startswith("feed error"):
                    # Asking once more does not make an unknown category known.
                    raise SourceUnavailableError(f"{url}: {query_error(body)}") from None
                raise

        return await self._client.read(url, parse, lane=self._lane, cached=True, accept=(200, 400))


class _Load:
    """One load: which days of which category are in, and what today's feed and the pages of OAI-PMH add to that.

    A day counts as in when papers or records of it, or of a later one, were seen: no clock says so, and no silence.
    """

    def __init__(self, source: ArxivSource, ask: Ask) -> None:
        self.today = eastern_day(ask.now)
        self._yesterday = self.today - _DAY
        self._since = ask.since
        self._name = source.name
        self._categories = source.categories
        self._cross_lists = source.cross_lists
        self._cursor = Cursor.read(ask.cursor, source.categories, today=self.today)
        # The categories of which today's announcements are in, and those whose list OAI-PMH gave to its end.
        self._there: set[str] = set()
        self.complete: set[str] = set()
        self._unread: set[str] = set()
        self.problem: SourceError | None = None
        self._newest_stamp = date.min
        self._seen: set[PaperId] = set()

    @property
    def is_served(self) -> bool:
        """Whether today's announcements are there, of some category, or there are none to be had."""
        return bool(self._there) or expected(self.today) == Expected.NO

    def judged(self, feed: Feed, known: Mapping[PaperId, date]) -> Batch:
        """Return what the feed brings, each paper with its day, and note what of today is among it."""
        entries = [entry for entry in feed.entries if self._cross_lists or "cross" not in entry.kind]
        stated = max((entry.paper.announced for entry in entries), default=self.today)
        if stated > self.today + _DAY:
            raise SourceUnavailableError(
                f"arxiv: the feed is of {stated}, and for us it is {self.today}: set the clock, or give another --at"
            )
        announced = [
            # The day a paper was first announced stays, whatever a stale feed says.
            replace(entry.paper, announced=min(self._day(entry.paper), known.get(entry.paper.id, date.max)))
            for entry in entries
            if entry.announces
        ]
        unseen = [paper for paper in announced if paper.id not in known]
        newest = max((paper.announced for paper in unseen), default=self.today)
        lags = (
            newest < self.today
            and expected(self.today) != Expected.NO
            and newest <= self._cursor.seen
            and len(unseen) > len(announced) / 2
        )
        if lags:
            # Papers that nobody has seen, dated on a day that we have had: the date is wrong, not the day. OAI-PMH
            # will confirm it: the day does not count as complete yet.
            announced = [
                paper if paper.id in known or paper.announced != newest else replace(paper, announced=self.today)
                for paper in announced
            ]
        new = {entry.paper.id for entry in entries if entry.kind == "new"}
        fresh = [paper for paper in announced if paper.id in new]
        if feed.complete and not feed.skipped and not lags:
            self._there = {category for category in self._categories if _is_there(category, fresh, self.today)}
        if announced:
            self._cursor.seen = max(self._cursor.seen, *(paper.announced for paper in announced))
        self._begin_before(stated)
        behind = [category for category in self._categories if _is_behind(category, fresh, self.today)]
        return Batch(
            papers=announced,
            replacements=[entry.paper for entry in entries if not entry.announces],
            skipped=feed.skipped,
            asked=f"feed of {self.today}",
            total=len(entries),
            behind=behind,
        )

    def _day(self, paper: Paper) -> date:
        # What is dated on a weekend is of a feed whose dates lag a day: nothing is announced then.
        weekend = paper.announced < self.today and paper.announced.weekday() >= 5
        return self.today if weekend and expected(self.today) != Expected.NO else paper.announced

    def _begin_before(self, day: date) -> None:
        """Take what was announced before the first load as not missing."""
        for category in self._categories:
            self._cursor.covered.setdefault(category, min(self._yesterday, day - _DAY))

    def gaps(self, *, with_today: bool) -> dict[str, date]:
        """Return the categories to ask OAI-PMH for, each with the first day that is missing."""
        found = {}
        for category in self._categories:
            first = self._first(category)
            ends = with_today and category not in self._there and expected(self.today) != Expected.NO
            # Holidays count: arXiv's list may be a day off, and a day without papers costs one request.
            if any(day.weekday() < 5 for day in _days(first, self.today if ends else self._yesterday)):
                found[category] = first
        return found

    def _first(self, category: str) -> date:
        if self._since is not None:
            return self._since
        first = self._cursor.covered.get(category, self._yesterday) + _DAY
        if first < self.today - _REACH:
            log.warning("the gap is too long to be filled without load --since", source=self._name, since=str(first))
            first = self.today - _REACH
            self._cursor.covered[category] = first - _DAY
        return first

    def first_day(self, gaps: Mapping[str, date]) -> date:
        """Return the first of the days being filled, those included that an earlier load filled in part.

        A paper that was replaced since then has a later datestamp, and is found now.
        """
        return min(min(self._cursor.filling.get(category, missing), missing) for category, missing in gaps.items())

    def after_feed(self, gaps: Collection[str]) -> str:
        """Return the cursor once the feed is stored: categories without a gap are complete with today's papers."""
        for category in self._there.difference(gaps):
            self._cursor.cover(category, self._first(category), self.today)
        return self._cursor.write()

    def batch(self, page: Page, category: str, first: date) -> Batch:
        """Return what a page of a category brings, new ones apart from those that only changed since ``first``."""
        papers, replacements = [], []
        for record in page.records:
            paper = record.paper
            if not wanted(paper.categories, self._categories, cross_lists=self._cross_lists):
                continue
            day = announced_on(record, first, self.today)
            # Not the datestamp: older papers are edited today, whether or not today's are in.
            if day is not None and announcement_day(record.versions[0]) == self.today:
                self._there.add(category)
            if paper.id in self._seen:
                continue
            self._seen.add(paper.id)
            if day is None:
                replacements.append(paper)
            else:
                papers.append(replace(paper, announced=day))
        # Old papers that were edited today look as if they were new, and are no proof that today's are in.
        doubtful = None if self._there else self.today
        return Batch(papers=papers, replacements=replacements, skipped=page.skipped, doubtful=doubtful)

    def after_page(self, page: Page, category: str, missing: date) -> str:
        """Return the cursor once a page is stored: records come by day, so the days before its last one are in."""
        stamp = max((record.datestamp for record in page.records), default=date.min)
        self._newest_stamp = max(self._newest_stamp, stamp)
        if page.skipped:
            self._unread.add(category)
        if stamp > missing and category not in self._unread and self._cursor.joins(category, missing):
            self._cursor.filling.setdefault(category, missing)
            self._cursor.cover(category, missing, min(stamp - _DAY, self._yesterday))
        return self._cursor.write()

    def after_filling(self, gaps: Mapping[str, date]) -> str:
        """Return the cursor once all that could be had of the gaps is stored.

        When OAI-PMH knows nothing at all of days that should have papers, the days are asked for again.
        """
        for category in sorted(self.complete):
            missing = gaps[category]
            through = self.today if category in self._there else min(self._yesterday, self._newest_stamp)
            waiting = category in self._unread and self._cursor.covered.get(category, date.min) < missing
            if waiting and self.today - self._cursor.unreadable.setdefault(category, self.today) < _GIVE_UP_AFTER:
                continue
            self._cursor.unreadable.pop(category, None)
            if self._newest_stamp >= missing and self._cursor.joins(category, missing):
                self._cursor.filling.pop(category, None)
                self._cursor.cover(category, missing, through)
        return self._cursor.write()


def _is_there(category: str, new: Sequence[Paper], today: date) -> bool:
    """Return whether most new papers that have this as their primary category are of today.

    A category that is stale still shows today's papers of others that are listed in it. Those of its own that are
    listed in others it shows as cross-lists.
    """
    if expected(today) == Expected.NO:
        return True
    own = _own(category, new, today)
    return own[True] > own[False]


def _is_behind(category: str, new: Sequence[Paper], today: date) -> bool:
    """Return whether a category still shows an older day, on a day that should have papers."""
    own = _own(category, new, today)
    return expected(today) == Expected.YES and own[False] > 0 and own[False] >= own[True]


def _own(category: str, new: Sequence[Paper], today: date) -> Counter[bool]:
    """Return how many papers with this primary category are of today, and how many are not."""
    primary = (paper for paper in new if paper.categories and belongs(paper.categories[0], category))
    return Counter(paper.announced == today for paper in primary)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range(max(0, min((last - first).days + 1, 400)))]
