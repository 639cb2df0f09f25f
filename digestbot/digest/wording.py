"""How things are put in words: short summaries, author lists, days. Pure.

Sentences stand here in English, whole and with names for what is filled in, and are said in the language of the
``Words`` that are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal, TypeAlias

from digestbot.digest.readable import readable, visible
from digestbot.digest.room import fitting
from digestbot.digest.words import ENGLISH, Words
from digestbot.identifiers import site_of
from digestbot.models import LANGUAGES, Digest, Paper, ReasonKind, is_weekly, weekdays
from digestbot.ranking.names import Name, may_be, readings

_MAX_NAME, _MAX_CATEGORY = 80, 40
# Of those who follow whole institutes.
_MOST_FOLLOWED = 8
# So many days without a list are a pause.
_PAUSE_DAYS = 5

Kind: TypeAlias = Literal["daily", "weekly", "catch-up", "first"]
# A cut text does not end on one.
_LITTLE_WORDS = re.compile(r"(?:\s+(?:a|an|and|as|at|by|for|from|in|of|on|or|the|to|via|with))+\Z", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!al\.)(?<!vs\.)\s+(?=[A-Z\"“(])")


def number_word(number: int, words: Words = ENGLISH) -> str:
    """Return ``ten`` for 10 and ``13`` for 13."""
    numbers = _numbers(words)
    return numbers[number] if 0 <= number < len(numbers) else str(number)


@lru_cache(maxsize=len(LANGUAGES))
def _numbers(words: Words) -> list[str]:
    # Translators: so many papers. Thirteen words, as they are in the middle of a sentence.
    named = words.gettext("no, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve")
    return named.split(", ")


def counted(number: int, noun: str) -> str:
    """Return ``one paper`` or ``ten papers``, in English."""
    return f"{number_word(number)} {noun}{'' if number == 1 else 's'}"


def _counted(words: Words, one: str, many: str, number: int) -> str:
    """Return what is said of one or of many, the number as a word."""
    return words.ngettext(one, many, number) % {"number": number_word(number, words)}


def _sentence(words: Words, one: str, many: str, number: int) -> str:
    """Return a sentence of one or of many, which may begin with the number."""
    return begun(_counted(words, one, many, number))


def begun(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def shorten(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, fewer of heavy ones, cut between words and then with an ellipsis."""
    return _cut(text, fitting(text, limit))


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    cut = text[: max(limit - 2, 0)]
    space = cut.rfind(" ")
    kept = cut[: space if space > limit // 2 else None].rstrip(" ,;:.-")
    return (_LITTLE_WORDS.sub("", kept) or kept) + "\N{NO-BREAK SPACE}…"


def summary(abstract: str, limit: int = 290) -> str:
    """Return the first sentences of an abstract that fit; of one long sentence, its beginning."""
    if not limit:
        return ""
    limit = fitting(abstract, limit)
    taken = ""
    for sentence in _SENTENCE_END.split(abstract):
        longer = f"{taken} {sentence}".strip()
        if len(longer) > limit:
            break
        taken = longer
    return taken or _cut(abstract, limit)


@dataclass(frozen=True, slots=True)
class Author:
    """An author as shown, with what stands before the name, and whether the reader follows them."""

    before: str
    name: str
    followed: bool


def shown_authors(authors: Sequence[str], followed: Sequence[str] = ()) -> list[Author]:
    """Return all authors of four or fewer, else the first three, the last, and between them some who are followed.

    ``followed`` are names as the reader gave them; what is no name of an author is none.
    """
    followed_names = [name for one in followed for name in readings(one)]
    of_them = [number for number, author in enumerate(authors) if _is_one_of(author, followed_names)][:_MOST_FOLLOWED]
    shown = sorted({*range(len(authors) if len(authors) <= 4 else 3), len(authors) - 1, *of_them} - {-1})
    befores = ["", *(", " if number == before + 1 else " … " for before, number in pairwise(shown))]
    return [
        Author(before, shorten(visible(authors[number]), _MAX_NAME), number in of_them)
        for before, number in zip(befores, shown, strict=False)
    ]


def author_line(authors: Sequence[str]) -> str:
    """Return the authors in a line, nobody followed."""
    return "".join(one.before + one.name for one in shown_authors(authors))


def _is_one_of(author: str, followed: Sequence[Name]) -> bool:
    names = readings(author) if followed else ()
    return any(one.family == name.family and may_be(one, name) for one in followed for name in names)


def long_day(day: date, words: Words = ENGLISH) -> str:
    """Return ``Tuesday, 27 May 2025``."""
    return words.long_day(day)


def short_day(day: date, words: Words = ENGLISH) -> str:
    """Return ``27 May``."""
    return words.short_day(day)


def moment(at: datetime) -> str:
    """Return ``27 May 2025, 08:00 UTC`` for a time in UTC, as it is told to who runs the program."""
    return f"{ENGLISH.day(at)}, {at:%H:%M} UTC"


def soon(day: date, today: date, words: Words = ENGLISH) -> str:
    """Return ``today``, ``tomorrow`` or ``on Tuesday, 27 May``."""
    days = (day - today).days
    if days == 0:
        # Translators: this and the two below stand in "Your first list comes %(first)s".
        return words.gettext("today")
    if days == 1:
        return words.gettext("tomorrow")
    return words.gettext("on %(weekday)s, %(day)s") % {"weekday": words.weekday(day), "day": words.short_day(day)}


def listed(names: Sequence[str], words: Words = ENGLISH) -> str:
    """Return ``one``, ``one and two``, ``one, two and three``."""
    *several, last = names
    if not several:
        return last
    return words.gettext("%(several)s and %(last)s") % {"several": ", ".join(several), "last": last}


def title(paper: Paper) -> str:
    """Return the title of a paper as people read it; one of nothing but markup as it is, of nothing else its id."""
    return readable(paper.title) or visible(paper.title) or visible(paper.id)


def short_title(text: str) -> str:
    """Return the name that a title begins with, if it has one, else its beginning."""
    name, colon, _rest = text.partition(":")
    return name if colon and name and len(name) <= 40 else shorten(text, 44)


def kind(digest: Digest) -> Kind:
    """Return what sort of list a digest is; the reader's first is that before anything else."""
    if digest.number == 1:
        return "first"
    if is_weekly(digest.days):
        return "weekly"
    return "catch-up" if _missed(digest) else "daily"


def _missed(digest: Digest) -> bool:
    """Return whether its reader went without for longer than they chose."""
    usual = _usual_gap(digest)
    if digest.last_delivered is not None:
        return (digest.local_day - digest.last_delivered).days >= max(_PAUSE_DAYS, usual + 1)
    # Of those composed before that was kept, the papers tell.
    days = [item.paper.announced for item in digest.items]
    return (max(days) - min(days)).days >= max(_PAUSE_DAYS, usual)


def _usual_gap(digest: Digest) -> int:
    """Return how many days there are between a list of this weekday and the one before, when none is missed."""
    chosen = weekdays(digest.days)
    return next(gap for gap in range(1, 8) if gap == 7 or (digest.local_day - timedelta(days=gap)).weekday() in chosen)


def heading(digest: Digest, words: Words = ENGLISH) -> str:
    """Return what stands before the lead."""
    if is_weekly(digest.days):
        return words.gettext("Why this week’s list")
    if kind(digest) == "catch-up":
        return words.gettext("Why this list")
    return words.gettext("Why today’s list")


def sections(digest: Digest, words: Words = ENGLISH) -> list[str]:
    """Return what stands above each paper of a weekly digest that begins a day, else nothing: one for each paper."""
    days = [item.paper.announced for item in digest.items]
    if not is_weekly(digest.days) or days != sorted(days):
        return ["" for _ in days]
    return [
        ""
        if place and days[place - 1] == day
        else words.gettext("%(weekday)s, %(day)s") % {"weekday": words.weekday(day), "day": words.short_day(day)}
        for place, day in enumerate(days)
    ]


def left_out(number: int, words: Words = ENGLISH) -> str:
    """Return what a mail says of papers that it has no room for, nothing when there are none."""
    if not number:
        return ""
    return _sentence(
        words,
        "One more paper on the page of this list",
        "%(number)s more papers on the page of this list",
        number,
    )


def subject(digest: Digest, words: Words = ENGLISH) -> str:
    """Return a subject line that names the best paper, says how many more there are, and of which day."""
    best = max(digest.items, key=lambda item: item.score)
    first = shorten(title(best.paper), 70).replace("\N{NO-BREAK SPACE}…", "…")
    more = len(digest.items) - 1
    # With the day no two are alike, even when a paper comes again under another id.
    said = (
        words.ngettext("%(title)s, and one more (%(day)s)", "%(title)s, and %(number)s more (%(day)s)", more)
        if more
        else words.gettext("%(title)s (%(day)s)")
    )
    return said % {"title": first, "number": number_word(more, words), "day": words.short_day(digest.local_day)}


def preheader(digest: Digest, words: Words = ENGLISH) -> str:
    """Return the line that an inbox shows behind the subject: what else is inside."""
    best = max(digest.items, key=lambda item: item.score)
    others = [item for item in digest.items if item is not best]
    names = [short_title(title(item.paper)) for item in others[:3]]
    more = len(others) - len(names)
    if more > 0:
        # Translators: the end of a list of titles, as in "Also A, B, C and one more."
        names.append(_counted(words, "one more", "%(number)s more", more))
    if not names:
        if is_weekly(digest.days):
            return words.gettext("Your paper of the week.")
        return words.gettext("Your paper of the day.")
    return words.gettext("Also %(titles)s.") % {"titles": listed(names, words)}


def lead(digest: Digest, words: Words = ENGLISH) -> str:
    """Return why a list is what it is."""
    sort, openings = kind(digest), []
    if sort == "first":
        openings.append(words.gettext("Your first list."))
    if is_weekly(digest.days):
        openings.append(words.gettext("The best of the week, by day."))
    if sort == "catch-up":
        first, last = (pick(item.paper.announced for item in digest.items) for pick in (min, max))
        a_few = words.gettext("A few days at once, from %(first)s to %(last)s.")
        openings.append(a_few % {"first": words.short_day(first), "last": words.short_day(last)})
    return " ".join([*openings, *_mixture(digest, words)])


def _mixture(digest: Digest, words: Words) -> Iterator[str]:
    """Yield what the papers have in common, a sentence for each reason to be here."""
    kinds = [item.reason.kind for item in digest.items]
    followed, exploring, newest = kinds.count("follow"), kinds.count("explore"), kinds.count("trending")
    found = len(kinds) - followed - exploring - newest
    if found:
        yield _sentence(
            words,
            "One paper that answers to the terms of what you liked.",
            "%(number)s papers that answer to the terms of what you liked.",
            found,
        )
    if followed:
        yield _followed(followed, words, alone=not found)
    if found and found + followed > 1 and not any(sections(digest)):
        yield from _order(kinds, words)
    if newest and not (found or followed):
        yield _newest(len(kinds), words, liked=bool(exploring))
    if exploring == len(kinds):
        yield _sentence(
            words,
            "One paper to try, off your usual path.",
            "%(number)s papers to try, off your usual path.",
            exploring,
        )
    elif exploring and any(sections(digest)):
        # By day they stand anywhere.
        yield _sentence(
            words,
            "One is a try, off your usual path.",
            "%(number)s are tries, off your usual path.",
            exploring,
        )
    elif exploring:
        yield _sentence(
            words,
            "The last one is a try, off your usual path.",
            "The last %(number)s are tries, off your usual path.",
            exploring,
        )


def _order(kinds: Sequence[ReasonKind], words: Words) -> Iterator[str]:
    """Yield in which order the papers stand, where there is one."""
    at_the_top = next(place for place, kind in enumerate(kinds) if kind != "follow")
    if not at_the_top:
        yield words.gettext("Best match first.")
    # What fits well may stand above something that is followed.
    elif at_the_top == kinds.count("follow"):
        yield words.gettext("What you follow first, then by match.")


def _followed(number: int, words: Words, *, alone: bool) -> str:
    if alone:
        return _sentence(
            words,
            "One paper is here because of what you follow.",
            "%(number)s papers are here because of what you follow.",
            number,
        )
    return _sentence(
        words,
        # Translators: papers, behind a sentence that names them.
        "One more is here because of what you follow.",
        "%(number)s more are here because of what you follow.",
        number,
    )


def _newest(number: int, words: Words, *, liked: bool) -> str:
    if liked:
        return _sentence(
            words,
            "One paper, the newest and most upvoted.",
            "%(number)s papers, the newest and most upvoted.",
            number,
        )
    return _sentence(
        words,
        "One paper, the newest and most upvoted, as you have not liked any yet."
        " Like a few, and the next list is yours.",
        "%(number)s papers, the newest and most upvoted, as you have not liked any yet."
        " Like a few, and the next list is yours.",
        number,
    )


def how_often(days: str, words: Words = ENGLISH) -> str:
    """Return ``every day``, ``each working day``, ``on Mondays and Thursdays``."""
    if days == "daily":
        # Translators: this and the next two stand in "You get this mail %(how_often)s because ...".
        return words.gettext("every day")
    if days == "weekdays":
        return words.gettext("each working day")
    # Translators: seven words, Monday first.
    names = words.gettext("Mondays, Tuesdays, Wednesdays, Thursdays, Fridays, Saturdays, Sundays").split(", ")
    chosen = [names[number] for number in sorted(weekdays(days)) if number < len(names)]
    return words.gettext("on %(days)s") % {"days": listed(chosen, words)}


def meta(paper: Paper, words: Words = ENGLISH) -> str:
    """Return source, categories and day: ``arXiv · cs.CL, cs.IR · 27 May``."""
    categories = ", ".join(shorten(visible(one), _MAX_CATEGORY) for one in paper.categories[:2])
    return " · ".join(filter(None, [source(paper), categories, words.short_day(paper.announced)]))


def source(paper: Paper) -> str:
    """Return where a paper is from: ``arXiv``, else the site that its address is of, else nothing."""
    return "arXiv" if paper.id.startswith("arxiv:") else shorten(site_of(paper.url), _MAX_CATEGORY)
