"""What a subscriber can choose, as options that ``subscriber add`` and ``subscriber edit`` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from digestbot.errors import ConflictError, NotFoundError, UsageError

if TYPE_CHECKING:
    from digestbot.models import Subscriber
    from digestbot.ranking.interests import Interest
    from digestbot.store import Preferences, Store

Command = TypeVar("Command", bound=Callable[..., Any])

_MOST_INTERESTS = 200
_MOST_SHOWN = 10
_MOST_CATEGORIES = 50
_LONGEST_CATEGORY = 60
# As sources name them: cs.CL, q-bio.NC, cell biology, R&D, Science/Space, Learning (theory), C++.
_CATEGORY = re.compile(r"[^\W_][\w .\-/&+'()]*")
_MOST_LOOKED_AT = 200
_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--timezone", metavar="Z", help="An IANA name such as Europe/Berlin."),
    click.option("--send-at", metavar="HH:MM", help="When the mail is due, on the subscriber's clock."),
    click.option("--days", metavar="DAYS", help="daily, weekdays, weekly (Fridays), or a list such as mon,thu."),
    click.option("--language", metavar="CODE", help="What the mails are in: en or de; '' for the installation's."),
    click.option("--papers", type=click.IntRange(1, 50), metavar="N", help="At most so many papers in a mail."),
    click.option(
        "--categories", metavar="LIST", help="What to choose from before the first like, such as cs.IR,cs.CL."
    ),
    click.option(
        "--follow", multiple=True, metavar="TEXT", help="Prefer author:NAME, word:TEXT, or TEXT that is either."
    ),
    click.option("--mute", multiple=True, metavar="TEXT", help="Never show author:NAME, word:TEXT, or TEXT."),
)


class Chosen(TypedDict):
    """The values of these options, as they were typed."""

    timezone: str | None
    send_at: str | None
    days: str | None
    language: str | None
    papers: int | None
    categories: str | None
    follow: tuple[str, ...]
    mute: tuple[str, ...]


def choosing(command: Command) -> Command:
    """Give a command these options; it is called with ``Chosen``."""
    decorated: Any = reduce(lambda inner, option: option(inner), reversed(_OPTIONS), command)
    return decorated  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was chosen, checked; ``None`` and empty change nothing."""

    timezone: str | None = None
    send_at: str | None = None
    days: str | None = None
    language: str | None = None
    papers: int | None = None
    categories: tuple[str, ...] | None = None
    follow: tuple[Interest, ...] = ()
    unfollow: tuple[Interest, ...] = ()
    mute: tuple[Interest, ...] = ()
    unmute: tuple[Interest, ...] = ()

    @classmethod
    def read(
        cls,
        *,
        timezone: str | None,
        send_at: str | None,
        days: str | None,
        language: str | None,
        papers: int | None,
        categories: str | None,
        follow: Sequence[str],
        mute: Sequence[str],
        unfollow: Sequence[str] = (),
        unmute: Sequence[str] = (),
    ) -> Choices:
        """Check options. Raises ``UsageError`` for the first that makes no sense."""
        from digestbot.models import canonical_days, parse_language, parse_time, zone
        from digestbot.ranking.interests import parse

        made = cls(
            timezone=zone(timezone).key if timezone is not None else None,
            send_at=parse_time(send_at).strftime("%H:%M") if send_at is not None else None,
            days=canonical_days(days) if days is not None else None,
            language=parse_language(language) if language else language,
            papers=papers,
            categories=_categories(categories) if categories is not None else None,
            follow=tuple(map(parse, follow)),
            unfollow=tuple(map(parse, unfollow)),
            mute=tuple(map(parse, mute)),
            unmute=tuple(map(parse, unmute)),
        )
        for one, other in _opposites(made.follow, made.mute):
            raise UsageError(f"{_named_both(one, other)} cannot be both followed and muted; choose one")
        taken_back = (
            (made.follow, made.unfollow, "followed and unfollowed"),
            (made.mute, made.unmute, "muted and unmuted"),
        )
        for some, others, what in taken_back:
            for one in some:
                if one in others:
                    raise UsageError(f"'{one.canonical}' cannot be {what} at once; choose one")
        return made

    def after(self, before: Subscriber | None) -> Preferences:
        """Return what holds for a subscriber who chose these, ``None`` for somebody new.

        Raises ``NotFoundError`` for what is to be taken back and is not there, ``ConflictError`` for what would be
        followed and muted, ``UsageError`` for more than anybody follows.
        """
        from digestbot.store import Preferences

        follows = _changed("followed", before.follows if before else (), self.follow, self.unfollow)
        mutes = _changed("muted", before.mutes if before else (), self.mute, self.unmute)
        for some, others, way_out in ((self.follow, mutes, "--unmute"), (self.mute, follows, "--unfollow")):
            for one, other in _opposites(some, others):
                it = "it" if one == other else f"'{other.canonical}'"
                raise ConflictError(
                    f"{_named_both(one, other)} cannot be both followed and muted; {way_out} {it} first"
                )
        return Preferences(
            timezone=self.timezone,
            send_at=self.send_at,
            days=self.days,
            language=self.language,
            papers=self.papers,
            categories=self.categories,
            follows=tuple(one.canonical for one in follows) if self.follow or self.unfollow else None,
            mutes=tuple(one.canonical for one in mutes) if self.mute or self.unmute else None,
        )


def categories_without_papers(store: Store, categories: Sequence[str]) -> list[str]:
    """Return those of the categories that no stored paper is in; none of them while there is no paper at all."""
    from digestbot.ranking.trending import in_categories
    from digestbot.store import Within
    from digestbot.store.query import parse

    if not store.papers.count():
        return []
    without = []
    for category in categories:
        # Finds also what only begins with the same words: "cell" finds papers of cell biology, and is not theirs.
        near = store.search.matching(parse(f'category:"{category}"'), within=Within(), limit=_MOST_LOOKED_AT)
        if not any(in_categories(paper, (category,)) for paper in near):
            without.append(category)
    return without


def _categories(text: str) -> tuple[str, ...]:
    """Read names between commas or semicolons, which may have blanks in them; an empty text is no category."""
    found: dict[str, str] = {}
    for part in re.split("[,;]", text):
        name = " ".join(part.split())
        if name and not _CATEGORY.fullmatch(name):
            raise UsageError(f"{name!a} is not a category; name some such as cs.IR,cs.CL or cell biology")
        if len(name) > _LONGEST_CATEGORY:
            raise UsageError(f"'{name[:20]}...' is too long for a category; at most {_LONGEST_CATEGORY} characters")
        if name:
            found.setdefault(name.lower(), name)
    if text.strip() and not found:
        raise UsageError(f"{text!a} names no category; give some such as cs.IR,cs.CL, or '' for all")
    if len(found) > _MOST_CATEGORIES:
        raise UsageError(f"{len(found)} categories are too many; at most {_MOST_CATEGORIES} can be chosen")
    return tuple(found.values())


def _opposites(some: Sequence[Interest], others: Sequence[Interest]) -> Iterator[tuple[Interest, Interest]]:
    """Yield each two that can mean the same."""
    matched = [(other, frozenset(_matched(other))) for other in others]
    for one in some:
        meant = frozenset(_meant(one))
        for other, these in matched:
            if not meant.isdisjoint(these):
                yield one, other


def _meant(interest: Interest) -> Iterator[Hashable]:
    """Yield what an interest stands for: a phrase, an author, or both; the same author is equal however written."""
    from digestbot.ranking.names import readings

    if interest.kind != "author":
        yield interest.words
    # As in matching: one plain word is not taken for a name.
    if interest.kind == "author" or (interest.kind == "either" and len(interest.words) > 1):
        yield from readings(interest.text)


def _matched(interest: Interest) -> Iterator[Hashable]:
    """Yield what an interest stands for, a phrase also with the other number of its last word."""
    from digestbot.ranking.plurals import forms_of

    yield from _meant(interest)
    if interest.kind != "author":
        for form in forms_of(interest.words[-1]):
            yield (*interest.words[:-1], form)


def _named_both(one: Interest, other: Interest) -> str:
    if one == other:
        return f"'{one.canonical}'"
    return f"'{one.canonical}' and '{other.canonical}' can mean the same and"


def _changed(what: str, before: Sequence[str], more: Sequence[Interest], less: Sequence[Interest]) -> list[Interest]:
    from digestbot.ranking.interests import parse

    held = [parse(text) for text in before]
    for one in less:
        if one not in held:
            raise NotFoundError(f"'{one.canonical}' is not {what}; {_named(what, before)}")
    changed = list(dict.fromkeys([*(one for one in held if one not in less), *more]))
    if len(changed) > max(_MOST_INTERESTS, len(held)):
        raise UsageError(f"{len(changed)} authors and words would be {what}; at most {_MOST_INTERESTS} can be")
    return changed


def _named(what: str, texts: Sequence[str]) -> str:
    if not texts:
        return f"nothing is {what} yet"
    rest = len(texts) - _MOST_SHOWN
    return f"{what}: {', '.join(texts[:_MOST_SHOWN])}" + (f" and {rest} more" if rest > 0 else "")
