"""How things are put in words: short summaries, author lists, days. English, pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from digestbot.models import WEEKDAYS, Digest, Paper, Reason, weekdays

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_DAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
# Who follows much may have a paper for many reasons.
_MOST_NAMED = 3
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


def summary(abstract: str, limit: int = 340) -> str:
    """Return the first sentences of an abstract that fit; of one long sentence, its beginning."""
    taken = ""
    for sentence in _SENTENCE_END.split(abstract):
        longer = f"{taken} {sentence}".strip()
        if len(longer) > limit:
            break
        taken = longer
    return taken or shorten(abstract, limit)


def author_line(authors: Sequence[str]) -> str:
    """Return all authors of four or fewer, else the first three and the last."""
    if len(authors) <= 4:
        return ", ".join(authors)
    return f"{', '.join(authors[:3])} … {authors[-1]}"


def long_day(day: date) -> str:
    """Return ``Tuesday, 27 May 2025``."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    """Return ``27 May``."""
    return f"{day.day} {day:%B}"


def short_title(title: str) -> str:
    """Return the name that a title begins with, if it has one, else its beginning."""
    name, colon, _rest = title.partition(":")
    return name if colon and name and len(name) <= 40 else shorten(title, 44)


def subject(digest: Digest) -> str:
    """Return a subject line that names the best paper and says how many more there are."""
    first = shorten(digest.items[0].paper.title, 78).replace("\N{NO-BREAK SPACE}…", "…")
    more = len(digest.items) - 1
    return f"{first}, and {number_word(more)} more" if more else first


def preheader(digest: Digest) -> str:
    """Return the line that an inbox shows behind the subject: what else is inside."""
    names = [short_title(item.paper.title) for item in digest.items[1:4]]
    more = len(digest.items) - 1 - len(names)
    if more > 0:
        names.append(f"{number_word(more)} more")
    if not names:
        return "Your paper of the day."
    head = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"Also {head}."


def lead(digest: Digest) -> str:
    """Return why today's list is what it is."""
    kinds = [item.reason.kind for item in digest.items]
    followed, exploring, newest = kinds.count("follow"), kinds.count("explore"), kinds.count("trending")
    found = len(kinds) - followed - exploring - newest
    said = []
    if found:
        are = "paper that answers" if found == 1 else "papers that answer"
        said.append(f"{number_word(found).capitalize()} {are} to the terms of what you liked. Best match first.")
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
        return "Because you liked", shorten(reason.terms[0], 90)
    # What stays together on a line.
    named = " · ".join(term.replace(" ", "\N{NO-BREAK SPACE}") for term in reason.terms[:_MOST_NAMED])
    if reason.kind == "follow":
        return "Because you follow", named
    if reason.kind == "terms" and named:
        return "Your terms", named
    if reason.kind == "trending":
        return "Trending", counted(paper.upvotes, "upvote") if paper.upvotes else "among the newest"
    return "Exploring", f"a little off your path: {named}" if named else "little in it is among your terms"


def how_often(days: str) -> str:
    """Return ``every day``, ``each working day``, ``on Mondays and Thursdays``."""
    if days == "daily":
        return "every day"
    if days == "weekdays":
        return "each working day"
    names = [_DAY_NAMES[number] for number in sorted(weekdays(days)) if number < len(WEEKDAYS)]
    return "on " + (f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0])


def meta(paper: Paper) -> str:
    """Return category and day: ``cs.CL · 27 May``."""
    return " · ".join([*paper.categories[:1], short_day(paper.announced)])
