"""Which papers are by an author, or hold a phrase, that somebody follows or mutes: for many readers, quickly."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digestbot.models import Paper
from digestbot.ranking.folding import words_of
from digestbot.ranking.interests import Interest, parse
from digestbot.ranking.names import Name, is_initial, may_be, parse_name, readings
from digestbot.ranking.plurals import forms_of

IntArray = NDArray[np.intp]

_NO_PAPERS: IntArray = np.empty(0, np.intp)
_NO_PAPERS.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Found:
    """What an interest matches: numbers of papers, rising, by author, by words, and in all; and what to call it."""

    name: str
    authors: IntArray
    words: IntArray
    papers: IntArray


class Matcher:
    """Finds papers by what is followed or muted. Papers are counted from 0 as they were given.

    An author or phrase that many follow is looked for once. Made for one thread.
    """

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._found: dict[str, Found] = {}

    def matches(self, text: str) -> IntArray:
        """Return the numbers of the papers that match, rising, not to be written to.

        ``text`` is what ``interests.parse`` reads, and raises ``UsageError`` as that does.
        """
        return self.found(text).papers

    def found(self, text: str) -> Found:
        """Return the papers that match, apart by how: by their author, or by their words."""
        found = self._found.get(text)
        if found is None:
            interest = parse(text)
            found = self._found.get(interest.canonical)
            if found is None:
                found = self._found[interest.canonical] = self._search(interest)
            self._found[text] = found
        return found

    def _search(self, interest: Interest) -> Found:
        # One plain word is not taken for a name: who follows "AI" does not mean Wei Ai.
        names = interest.kind == "author" or (interest.kind == "either" and len(interest.words) > 1)
        authors = self._authors.find(interest.text) if names else _NO_PAPERS
        words = self._phrases.find(interest.words) if interest.kind != "author" else _NO_PAPERS
        papers = np.union1d(authors, words) if len(authors) and len(words) else authors if len(authors) else words
        papers.flags.writeable = False
        return Found(name=interest.text, authors=authors, words=words, papers=papers)

    @cached_property
    def _phrases(self) -> _Phrases:
        return _Phrases(self._papers)

    @cached_property
    def _authors(self) -> _Authors:
        return _Authors(self._papers)


class _Phrases:
    """Where every word stands in the titles and abstracts, one after the other in one long text."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        # An empty word, number 0, begins the text and ends each part of it: no phrase reaches across.
        vocabulary: defaultdict[str, int] = defaultdict()
        vocabulary.default_factory = vocabulary.__len__
        numbers = array("i", [vocabulary[""]])
        ends = []
        for paper in papers:
            for text in (paper.title, paper.abstract):
                numbers.extend(map(vocabulary.__getitem__, words_of(text)))
                numbers.append(0)
            ends.append(len(numbers))
        self._vocabulary = dict(vocabulary)
        self._text: NDArray[np.int32] = np.frombuffer(numbers, np.int32)
        self._paper = np.repeat(np.arange(len(papers)), np.diff([0, *ends])) if ends else _NO_PAPERS
        # Numbers of 16 bits are sorted twenty times as fast as longer ones.
        short = len(vocabulary) <= np.iinfo(np.uint16).max
        self._places = np.argsort(self._text.astype(np.uint16) if short else self._text, kind="stable")
        self._ends = np.cumsum(np.bincount(self._text)).tolist()

    def find(self, words: tuple[str, ...]) -> IntArray:
        """Return the papers that hold the words one after the other, the last one in singular or plural."""
        known = self._vocabulary
        wanted = [[known[word]] if word in known else [] for word in words[:-1]]
        wanted.append([known[form] for form in dict.fromkeys(forms_of(words[-1])) if form in known])
        if not all(wanted):
            return _NO_PAPERS
        rarest = min(range(len(wanted)), key=lambda place: sum(map(self._count, wanted[place])))
        at = np.concatenate([self._where(number) for number in wanted[rarest]])
        for place, numbers in enumerate(wanted):
            if place != rarest:
                # Beyond either end stands the empty word.
                there = self._text.take(at + (place - rarest), mode="clip")
                fits = there == numbers[0]
                for number in numbers[1:]:
                    fits |= there == number
                at = at[fits]
        return _distinct(self._paper[at])

    def _count(self, number: int) -> int:
        return int(self._ends[number] - self._ends[number - 1])

    def _where(self, number: int) -> IntArray:
        return self._places[self._ends[number - 1] : self._ends[number]]


class _Authors:
    """The authors by family name, by family and first name, and by the whole name."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        papers_of: defaultdict[str, list[int]] = defaultdict(list)
        for number, paper in enumerate(papers):
            for author in paper.authors:
                papers_of[author].append(number)
        self._by_family: defaultdict[str, list[tuple[Name, list[int]]]] = defaultdict(list)
        self._by_first: defaultdict[tuple[str, str], list[tuple[Name, list[int]]]] = defaultdict(list)
        self._by_whole: defaultdict[str, list[int]] = defaultdict(list)
        for author, numbers in papers_of.items():
            name = parse_name(author)
            if name is not None:
                self._by_family[name.family].append((name, numbers))
                if name.given:
                    self._by_first[name.family, name.given[0]].append((name, numbers))
                self._by_whole[name.whole] += numbers

    def find(self, text: str) -> IntArray:
        """Return the papers of everybody who may be who is named."""
        found: set[int] = set()
        for followed in readings(text):
            found.update(self._by_whole.get(followed.whole, ()))
            for author, numbers in self._of_family(followed):
                if may_be(followed, author):
                    found.update(numbers)
        return np.array(sorted(found), np.intp) if found else _NO_PAPERS

    def _of_family(self, followed: Name) -> Iterable[tuple[Name, list[int]]]:
        """Yield those of the family who may be meant: with a common name, very few of all."""
        if not followed.given or is_initial(followed.given[0]):
            return self._by_family.get(followed.family, ())
        first = followed.given[0]
        known = self._by_first
        return [*known.get((followed.family, first), ()), *known.get((followed.family, first[0]), ())]


def _distinct(numbers: IntArray) -> IntArray:
    if len(numbers) <= 1:
        return numbers
    numbers = np.sort(numbers)
    return numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))]
