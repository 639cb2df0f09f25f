"""How things are put in words: short summaries, author lists, days. English, pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Literal, TypeAlias

from digestbot.digest.readable import readable
from digestbot.identifiers import site_of
from digestbot.models import WEEKDAYS, Digest, Paper, Reason, is_weekly, weekdays
from digestbot.ranking.names import Name, may_be, readings

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_DAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
# Who follows much may have a paper for many reasons.
_MOST_NAMED = 3
_MAX_NAME, _MAX_CATEGORY = 80, 40
# Papers of so many days are those of a pause.
_PAUSE_DAYS = 5

Kind: TypeAlias = Literal["daily", "weekly", "catch-up", "first"]
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!al\.)(?<!vs\.)\s+(?=[A-Z\"“(])")


def number_word(number: int) -> str:
    """Return ``ten`` for 10 and ``13`` for 13."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def counted(number: int, noun: str) -> str:
    """Return ``one paper`` or ``ten papers``."""
    return f"{number_word(number)} {noun}{'' if number == 1 else 's'}"


def shorten(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, cut between words, the cut shown by an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 2]
    space = cut.rfind(" ")
    return cut[: space if space > limit // 2 else None].rstrip(" ,;:.-") + "\N{NO-BREAK SPACE}…"


def summary(abstract: str, limit: int = 290) -> str:
    """Return the first sentences of an abstract that fit; of one long sentence, its beginning."""
    if not limit:
        return ""
    taken = ""
    for sentence in _SENTENCE_END.split(abstract):
        longer = f"{taken} {sentence}".strip()
        if len(longer) > limit:
            break
        taken = longer
    return taken or shorten(abstract, limit)


@dataclass(frozen=True, slots=True)
class Author:
    """An author as shown, with what stands before the name, and whether the reader follows them."""

    before: str
    name: str
    followed: bool


def shown_authors(authors: Sequence[str], followed: Sequence[str] = ()) -> list[Author]:
    """Return all authors of four or fewer, else the first three, the last, and between them who is followed.

    ``followed`` are names as the reader gave them; what is no name of an author is none.
    """
    followed_names = [name for one in followed for name in readings(one)]
    of_them = {number for number, author in enumerate(authors) if _is_one_of(author, followed_names)}
    shown = sorted({*range(len(authors) if len(authors) <= 4 else 3), len(authors) - 1, *of_them} - {-1})
    befores = ["", *(", " if number == before + 1 else " … " for before, number in pairwise(shown))]
    return [
        Author(before, shorten(" ".join(authors[number].split()), _MAX_NAME), number in of_them)
        for before, number in zip(befores, shown, strict=False)
    ]


def author_line(authors: Sequence[str]) -> str:
    """Return the authors in a line, nobody followed."""
    return "".join(one.before + one.name for one in shown_authors(authors))


def _is_one_of(author: str, followed: Sequence[Name]) -> bool:
    names = readings(author) if followed else ()
    return any(one.family == name.family and may_be(one, name) for one in followed for name in names)


def long_day(day: date) -> str:
    """Return ``Tuesday, 27 May 2025``."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    """Return ``27 May``."""
    return f"{day.day} {day:%B}"


def soon(day: date, today: date) -> str:
    """Return ``today``, ``tomorrow`` or ``on Tuesday, 27 May``."""
    return {0: "today", 1: "tomorrow"}.get((day - today).days) or f"on {day:%A}, {short_day(day)}"


def title(paper: Paper) -> str:
    """Return the title of a paper as people read it; one of nothing but markup as it is."""
    return readable(paper.title) or " ".join(paper.title.split())


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
    days = [item.paper.announced for item in digest.items]
    return "catch-up" if (max(days) - min(days)).days >= _PAUSE_DAYS else "daily"


def sections(digest: Digest) -> list[str]:
    """Return what stands above each paper of a weekly digest that begins a day, else nothing: one for each paper."""
    days = [item.paper.announced for item in digest.items]
    if not is_weekly(digest.days) or days != sorted(days):
        return ["" for _ in days]
    return ["" if place and days[place - 1] == day else f"{day:%A}, {short_day(day)}" for place, day in enumerate(days)]


def left_out(number: int) -> str:
    """Return what a mail says of papers that it has no room for, nothing when there are none."""
    return f"{counted(number, 'more paper').capitalize()} on the page of this list" if number else ""


def subject(digest: Digest) -> str:
    """Return a subject line that names the best paper, says how many more there are, and of which day."""
    best = max(digest.items, key=lambda item: item.score)
    day = short_day(digest.local_day)
    first = shorten(title(best.paper), 70).replace("\N{NO-BREAK SPACE}…", "…")
    more = len(digest.items) - 1
    # With the day no two are alike, even when a paper comes again under another id.
    return f"{first}, and {number_word(more)} more ({day})" if more else f"{first} ({day})"


def preheader(digest: Digest) -> str:
    """Return the line that an inbox shows behind the subject: what else is inside."""
    best = max(digest.items, key=lambda item: item.score)
    others = [item for item in digest.items if item is not best]
    names = [short_title(title(item.paper)) for item in others[:3]]
    more = len(others) - len(names)
    if more > 0:
        names.append(f"{number_word(more)} more")
    if not names:
        return "Your paper of the day."
    head = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"Also {head}."


def lead(digest: Digest) -> str:
    """Return why a list is what it is."""
    first, last = (pick(item.paper.announced for item in digest.items) for pick in (min, max))
    opening = {
        "first": "Your first list. ",
        "weekly": "The best of the week, by day. ",
        "catch-up": f"A few days at once, from {short_day(first)} to {short_day(last)}. ",
        "daily": "",
    }[kind(digest)]
    return opening + _mixture(digest)


def _mixture(digest: Digest) -> str:
    kinds = [item.reason.kind for item in digest.items]
    followed, exploring, newest = kinds.count("follow"), kinds.count("explore"), kinds.count("trending")
    found = len(kinds) - followed - exploring - newest
    best_first = "" if any(sections(digest)) else " Best match first."
    said = []
    if found:
        are = "paper that answers" if found == 1 else "papers that answer"
        said.append(f"{number_word(found).capitalize()} {are} to the terms of what you liked.{best_first}")
    if followed:
        who = number_word(followed) if said else counted(followed, "paper")
        are = "is" if followed == 1 else "are"
        said.append(f"{who.capitalize()} {are} here because of what you follow.")
    if newest and not said:
        all_of_them = f"{counted(len(kinds), 'paper').capitalize()}, the newest and most upvoted"
        # Only who likes something has papers to try.
        if not exploring:
            return f"{all_of_them}, as you have not liked any yet. Like a few, and the next list is yours."
        said.append(f"{all_of_them}.")
    if exploring and not said:
        return f"{counted(exploring, 'paper').capitalize()} to try, off your usual path."
    if exploring:
        last = "The last one is a try" if exploring == 1 else f"The last {number_word(exploring)} are tries"
        said.append(f"{last}, off your usual path.")
    return " ".join(said)


def reason(reason: Reason, paper: Paper) -> tuple[str, str]:
    """Return why a paper is in a digest: one of five phrases, and what it opens."""
    if reason.kind == "liked":
        return "Because you liked", shorten(readable(reason.terms[0]), 90)
    # What stays together on a line.
    terms = reason.terms if reason.kind == "follow" else [as_written(term, paper) for term in reason.terms]
    named = " · ".join(term.replace(" ", "\N{NO-BREAK SPACE}") for term in terms[:_MOST_NAMED])
    if reason.kind == "follow":
        return "Because you follow", named
    if reason.kind == "terms" and named:
        return "Your terms", named
    if reason.kind == "trending":
        return "Trending", counted(paper.upvotes, "upvote") if paper.upvotes else "among the newest"
    return "Exploring", f"a little off your path: {named}" if named else "little in it is among your terms"


def as_written(term: str, paper: Paper) -> str:
    """Return a term with the capitals that its paper writes inside words: ``VLMs`` for ``vlms``."""
    capitals = _capitals(paper.title, paper.abstract)
    return " ".join(capitals.get(word, word) for word in term.split(" ")) if capitals else term


@lru_cache(maxsize=4096)
def _capitals(*texts: str) -> dict[str, str]:
    """Return the words with capitals behind their first letter, by how they are in small letters; the first of each."""
    found: dict[str, str] = {}
    for text in texts:
        for word in _WORD.findall(text):
            if word[1:] != word[1:].lower():
                found.setdefault(word.lower(), word)
    return found


def how_often(days: str) -> str:
    """Return ``every day``, ``each working day``, ``on Mondays and Thursdays``."""
    if days == "daily":
        return "every day"
    if days == "weekdays":
        return "each working day"
    names = [_DAY_NAMES[number] for number in sorted(weekdays(days)) if number < len(WEEKDAYS)]
    return "on " + (f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0])


def meta(paper: Paper) -> str:
    """Return source, categories and day: ``arXiv · cs.CL, cs.IR · 27 May``."""
    categories = ", ".join(shorten(" ".join(one.split()), _MAX_CATEGORY) for one in paper.categories[:2])
    return " · ".join(filter(None, [source(paper), categories, short_day(paper.announced)]))


def source(paper: Paper) -> str:
    """Return where a paper is from: ``arXiv``, else the site that its address is of, else nothing."""
    return "arXiv" if paper.id.startswith("arxiv:") else shorten(site_of(paper.url), _MAX_CATEGORY)
