"""A simulated arXiv over some days: what was announced to whom and when, and how each paper stands now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal, TypeAlias

from digestbot.announcements import HOLIDAYS
from tests.fakes.arxiv.categories import FOLLOWED, KNOWN, falls
from tests.fakes.arxiv.days import announcement_days
from tests.fakes.arxiv.history import Rates, simulate
from tests.fakes.arxiv.records import Line, State

View: TypeAlias = Literal["oai", "api"]


class World:
    """The truth behind the three interfaces, all of which answer as of ``now``; a test moves it.

    ``holidays`` are the weekdays on which this arXiv announces nothing. Two worlds of the same arguments are the same.
    """

    def __init__(
        self,
        first: date,
        last: date,
        *,
        papers_a_day: int = 40,
        categories: Sequence[str] = FOLLOWED,
        seed: int = 0,
        holidays: Collection[date] | None = None,
        rates: Rates | None = None,
    ) -> None:
        free = frozenset().union(*HOLIDAYS.values()) if holidays is None else frozenset(holidays)
        self.now = datetime.combine(first, time(12), tzinfo=UTC)
        self.days = announcement_days(first, last, free)
        self.categories = tuple(categories)
        self.known_categories = tuple(dict.fromkeys((*KNOWN, *categories)))
        self._history = simulate(
            first,
            last,
            papers_a_day=papers_a_day,
            categories=self.categories,
            holidays=free,
            seed=seed,
            rates=rates or Rates(),
        )
        self._views: dict[View, tuple[datetime, dict[str, State]]] = {}

    def announced(
        self, categories: Collection[str], until_day: date | None = None, *, cross_lists: bool = True
    ) -> dict[str, date]:
        """Return, by paper id, the day each paper was first announced to a follower of these categories or archives.

        ``until_day`` is the last day that counts, by default the world's last. Without cross-lists it is the papers
        whose primary category is followed.
        """
        first: dict[str, date] = {}
        for day in self.days:
            if until_day is not None and day > until_day:
                break
            for line in self.batch(day):
                # Only a new paper has its primary category among those added.
                reached = line.added if cross_lists else line.added[:1] if line.action == "new" else ()
                if any(falls(category, categories) for category in reached):
                    first.setdefault(f"arxiv:{line.paper.id}", day)
        return first

    def papers(self) -> dict[str, State]:
        """Return all papers by paper id as OAI has them now, those of earlier years too, without the deleted."""
        return {f"arxiv:{state.id}": state for state in self.view("oai").values() if not state.deleted}

    def batch(self, day: date) -> Sequence[Line]:
        """Return what was announced on a day, in no particular order."""
        return self._history.batches.get(day, ())

    def view(self, interface: View) -> Mapping[str, State]:
        """Return every record, by identifier, as an interface knows it now."""
        now, view = self._views.get(interface, (None, {}))
        if now != self.now:
            now = self.now
            view = {}
            for identifier, states in self._history.states.items():
                for state in states:
                    if (state.in_oai if interface == "oai" else state.in_api) <= now:
                        view[identifier] = state
            self._views[interface] = (now, view)
        return view
