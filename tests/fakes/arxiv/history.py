"""How the simulated arXiv came about: every change to every paper, day by day, from one seed.

What OAI cannot tell is left out, so that whoever reads it well ends with the truth: papers that were held back or
cross-listed later get no second version, what was announced is not deleted, and papers from before the first day
that change again are at least three months old.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from tests.fakes.arxiv.categories import archive
from tests.fakes.arxiv.days import DAY, announces, eastern, indexed, mailed, midnight_after, window
from tests.fakes.arxiv.records import Line, State, Version
from tests.fakes.arxiv.texts import Texts

# Archives that had identifiers of their own before April 2007.
_OLD_ARCHIVES = frozenset(
    ["astro-ph", "cond-mat", "cs", "gr-qc", "hep-ex", "hep-th", "math", "nlin", "physics", "quant-ph"]
)
_LICENSES = (
    "http://creativecommons.org/licenses/by/4.0/",
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://creativecommons.org/publicdomain/zero/1.0/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much happens besides new papers, as shares of them (of a day's number, for what befalls old papers)."""

    held: float = 0.02
    cross_listed: float = 0.04
    replaced: float = 0.15
    edited: float = 0.08
    old_replaced: float = 0.3
    bulk_edited: float = 0.5
    bulk_every: int = 5
    deleted: float = 0.02


@dataclass(slots=True)
class History:
    """``states`` of each paper in order of time, and the ``batches`` of announcement days."""

    states: dict[str, list[State]] = field(default_factory=dict)
    batches: dict[date, list[Line]] = field(default_factory=dict)


def simulate(
    first: date,
    last: date,
    *,
    papers_a_day: int,
    categories: Sequence[str],
    holidays: Collection[date],
    seed: int,
    rates: Rates,
) -> History:
    """Return everything that happened from the first day to the last."""
    simulation = _Simulation(Random(f"arXiv {seed}"), papers_a_day, tuple(categories), holidays, rates)
    simulation.start(first)
    for number in range((last - first).days + 1):
        day = first + DAY * number
        if announces(day, holidays):
            simulation.announce(day)
        simulation.edit(day, bulk=number % rates.bulk_every == rates.bulk_every - 1)
    return simulation.history


class _Simulation:
    def __init__(
        self, random: Random, papers_a_day: int, categories: tuple[str, ...], holidays: Collection[date], rates: Rates
    ) -> None:
        self.history = History()
        self._random = random
        self._texts = Texts(random)
        self._papers_a_day = papers_a_day
        self._categories = categories
        self._holidays = holidays
        self._rates = rates
        self._numbers: dict[str, int] = defaultdict(int)
        self._first = date.min
        # What will befall papers: on the first announcement day, or the day, that is not before the one named.
        self._coming: dict[date, list[tuple[Callable[[str, date], Line], str]]] = defaultdict(list)
        self._edits: dict[date, list[str]] = defaultdict(list)

    def start(self, first: date) -> None:
        self._first = first
        if first.day > 1:
            # The month has begun without us.
            self._numbers[f"{first:%y%m}"] = first.day * max(self._papers_a_day, 10)

    def announce(self, day: date) -> None:
        """Announce a day: what was submitted for it, then what befalls earlier papers."""
        spread = self._papers_a_day // 5
        count = self._papers_a_day + self._random.randint(-spread, spread)
        lines = [self._new(day, submitted) for submitted in sorted(self._submitted(day) for _ in range(count))]
        for due in sorted(due for due in self._coming if due <= day):
            lines.extend(befalls(identifier, day) for befalls, identifier in self._coming.pop(due))
        older = [
            self._old(versions=self._random.choice((1, 1, 2, 4, 5, 7)))
            for _ in range(self._some(self._rates.old_replaced))
        ]
        lines.extend(self._replace(identifier, day) for identifier in older)
        self.history.batches[day] = lines

    def edit(self, day: date, *, bulk: bool) -> None:
        """Change records on a day without announcing anything: references, licences, removals."""
        for identifier in self._edits.pop(day, ()):
            self._change(identifier, self._daytime(day), journal_ref=self._texts.journal(), doi=self._texts.doi())
        if bulk:
            moment = self._daytime(day)
            for _ in range(self._some(self._rates.bulk_edited)):
                self._change(self._old(versions=1), moment, license=_LICENSES[1])
        for _ in range(self._some(self._rates.deleted)):
            self._change(self._old(versions=1), self._daytime(day), deleted=True)
            self._withdraw(day)

    def _some(self, share: float) -> int:
        """Return about this share of a day's papers, at least one of a share that is not zero."""
        return max(round(self._papers_a_day * share), 1) if share else 0

    def _submitted(self, day: date) -> datetime:
        opened, closed = window(day, self._holidays)
        return opened + timedelta(seconds=self._random.randrange(int((closed - opened).total_seconds())))

    def _daytime(self, day: date) -> datetime:
        # Never in the hours in which batches are mailed and indexed.
        return datetime.combine(day, time(12), tzinfo=UTC) + timedelta(seconds=self._random.randrange(8 * 3600))

    def _listed(self, primary: str) -> tuple[str, ...]:
        others = [category for category in self._categories if category != primary]
        further = min(self._random.choice((0, 0, 1, 1, 2, 3)), len(others))
        return (primary, *self._random.sample(others, k=further))

    def _number(self, month: str) -> str:
        self._numbers[month] += 1
        return f"{month}.{self._numbers[month]:05d}"

    def _fate(self) -> str:
        """Return what will befall a new paper: one thing at most, so that OAI can tell."""
        at = self._random.random()
        for name in ("held", "cross_listed", "replaced", "edited"):
            at -= getattr(self._rates, name)
            if at < 0:
                return name
        return ""

    def _new(self, day: date, submitted: datetime) -> Line:
        random = self._random
        identifier = self._number(f"{day:%y%m}")
        match self._fate():
            case "held":
                submitted -= DAY * random.randint(7, 30)
            case "cross_listed":
                self._coming[day + DAY * random.randint(1, 9)].append((self._cross_list, identifier))
            case "replaced":
                self._coming[day + DAY * random.choice((1, 2, 3, 5, 8, 13))].append((self._replace, identifier))
            case "edited":
                self._edits[day + DAY * random.randint(1, 9)].append(identifier)
        state = State(
            id=identifier,
            versions=(Version(1, submitted, random.randint(20, 9000)),),
            title=self._texts.title(),
            abstract=self._texts.abstract(),
            authors=self._texts.authors(),
            categories=self._listed(random.choice(self._categories)),
            license=random.choice(_LICENSES),
            comments=self._texts.comments(),
            changed=mailed(day),
            in_oai=indexed(day),
            in_api=eastern(day),
        )
        self.history.states[identifier] = [state]
        return Line("new", state, state.categories)

    def _cross_list(self, identifier: str, day: date) -> Line:
        state = self.history.states[identifier][-1]
        free = [category for category in self._categories if category not in state.categories]
        added = tuple(self._random.sample(free, k=1)) if free else ()
        return Line("cross", self._announced(state, day, categories=(*state.categories, *added)), added)

    def _replace(self, identifier: str, day: date) -> Line:
        state = self.history.states[identifier][-1]
        version = Version(state.version + 1, self._submitted(day), self._random.randint(20, 9000))
        if state.changed >= mailed(self._first) and self._random.random() < 0.3:
            self._coming[day + DAY * self._random.randint(1, 9)].append((self._replace, identifier))
        return Line(
            "replace",
            self._announced(
                state,
                day,
                versions=(*state.versions, version),
                title=self._texts.title() if self._random.random() < 0.5 else state.title,
                abstract=self._texts.abstract(),
                comments=f"v{version.number}: proofs mended",
            ),
        )

    def _announced(self, state: State, day: date, **changes: object) -> State:
        changed = replace(state, changed=mailed(day), in_oai=indexed(day), in_api=eastern(day), **changes)  # type: ignore[arg-type]
        self.history.states[state.id].append(changed)
        return changed

    def _change(self, identifier: str, moment: datetime, **changes: object) -> None:
        states = self.history.states[identifier]
        states.append(
            replace(states[-1], changed=moment, in_oai=moment, in_api=midnight_after(moment), **changes)  # type: ignore[arg-type]
        )

    def _withdraw(self, day: date) -> None:
        """Delete a paper of this month that was numbered and never announced."""
        state = self._record(self._number(f"{day:%y%m}"), self._daytime(day), 1)
        self.history.states[state.id] = [replace(state, deleted=True)]

    def _old(self, *, versions: int) -> str:
        """Make a paper from long before, and return its id."""
        primary = self._random.choice(self._categories)
        ancient = archive(primary) in _OLD_ARCHIVES
        earliest = date(1996 if ancient else 2009, 1, 1)
        latest = self._first - DAY * 120
        begun = earliest + DAY * self._random.randrange((latest - earliest).days)
        month = f"{begun:%y%m}"
        if begun < date(2007, 4, 1):
            old = f"{archive(primary)}/{month}"
            self._numbers[old] += 1
            identifier = f"{old}{self._numbers[old]:03d}"
        else:
            identifier = self._number(month) if begun.year >= 2015 else self._number(month).replace(".0", ".", 1)
        state = self._record(identifier, datetime.combine(begun, time(9), tzinfo=UTC), versions, primary)
        self.history.states[identifier] = [state]
        return identifier

    def _record(self, identifier: str, begun: datetime, versions: int, primary: str | None = None) -> State:
        # Versions a week apart; bulk edits of earlier years count from the interface's first day.
        made = tuple(Version(n, begun + DAY * 7 * (n - 1), 100 + n) for n in range(1, versions + 1))
        changed = max(made[-1].submitted, datetime(2005, 9, 16, 12, tzinfo=UTC))
        return State(
            id=identifier,
            versions=made,
            title=self._texts.title(),
            abstract=self._texts.abstract(),
            authors=self._texts.authors(),
            categories=self._listed(primary or self._random.choice(self._categories)),
            changed=changed,
            in_oai=changed,
            in_api=changed,
        )
