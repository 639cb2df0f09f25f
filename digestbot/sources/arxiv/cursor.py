"""What arXiv's loads remember: the last day of each category whose announcements are all in."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

# Days further ahead are not believed: one clock was wrong.
_AHEAD = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Cursor:
    """What was had so far.

    ``covered`` has the last complete day of each category, ``unreadable`` since when a record of one could not be
    read, ``filling`` the first day of a gap that was filled in part, and ``seen`` is the newest day that papers were
    seen of (``date.min``: none).
    """

    covered: dict[str, date] = field(default_factory=dict)
    unreadable: dict[str, date] = field(default_factory=dict)
    filling: dict[str, date] = field(default_factory=dict)
    seen: date = date.min

    @classmethod
    def read(cls, text: str, categories: Collection[str], *, today: date) -> Cursor:
        """Read what ``write`` wrote; anything else counts as nothing, and so does a category that is not asked for."""
        try:
            said = json.loads(text or "{}")
            covered = _days(said, categories, today)
            return cls(
                covered,
                _days(said.get("unreadable", {}), covered, today),
                _days(said.get("filling", {}), covered, today),
                _days(said, ["seen"], today).get("seen", date.min),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls()

    def write(self) -> str:
        """Return all of it as JSON."""
        said: dict[str, object] = {category: day.isoformat() for category, day in sorted(self.covered.items())}
        for name, days in (("unreadable", self.unreadable), ("filling", self.filling)):
            if days:
                said[name] = {category: day.isoformat() for category, day in sorted(days.items())}
        if self.seen > date.min:
            said["seen"] = self.seen.isoformat()
        return json.dumps(said)

    def joins(self, category: str, first: date) -> bool:
        """Return whether the days from ``first`` on follow what is complete, without a gap between."""
        before = self.covered.get(category)
        return before is None or first <= before + _DAY

    def cover(self, category: str, first: date, last: date) -> None:
        """Take down that the days from ``first`` to ``last`` are complete, unless some before ``first`` are not."""
        if self.joins(category, first):
            self.covered[category] = max(last, self.covered.get(category, last))


def _days(said: Any, names: Collection[str], today: date) -> dict[str, date]:
    days = {name: date.fromisoformat(said[name]) for name in names if name in said}
    return {name: day for name, day in days.items() if day <= today + _AHEAD}
