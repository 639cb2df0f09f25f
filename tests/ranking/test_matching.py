"""Which papers somebody means who follows or mutes an author, a word or a phrase."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import UsageError
from digestbot.models import Paper
from digestbot.ranking.folding import words_of
from digestbot.ranking.interests import parse
from digestbot.ranking.matching import Matcher
from tests.factories import paper


def by(*authors: str) -> Matcher:
    return Matcher([paper(number, authors=(author,)) for number, author in enumerate(authors)])


def saying(*titles: str) -> Matcher:
    return Matcher([paper(number, title=title, abstract="") for number, title in enumerate(titles)])


def is_author(followed: str, author: str) -> bool:
    found: list[int] = by("Somebody Else", author).matches(f"author:{followed}").tolist()
    return found == [1]


def is_said(followed: str, title: str) -> bool:
    found: list[int] = saying("Of something else", title).matches(f"word:{followed}").tolist()
    return found == [1]


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Ada Quill", "Ada Quill"),
        ("Ada Quill", "Quill, Ada"),
        ("Ada Quill", "Ada M. Quill"),
        ("Ada Quill", "Quill, A. M."),
        ("Ada Quill", "A. Quill"),
        ("Ada Quill", "A.M. Quill"),
        ("Ada Quill", "ADA QUILL Jr."),
        ("Ada Quill", "Quill, Ada, Jr."),
        ("Ada Quill", "Quill Jr., Ada"),
        ("Ada Quill", "Ada Quill (University of Owls)"),
        ("Ada M. Quill", "Ada Quill"),
        ("Ada M. Quill", "Ada Maria Quill"),
        ("Quill, Ada Maria", "A. M. Quill"),
        ("A. Quill", "Ada Quill"),
        ("A. Quill", "Anselm Quill"),
        ("Quill, A.", "Quill, A. M."),
        ("Quill", "Bela Quill"),
        ("quill", "Quill, Bela"),
        ("Linus", "Linus"),
        ("Li", "Mei Li"),
        ("Zoë Quill", "Zoe Quill"),
        ("Anders Sogaard", "Anders Søgaard"),
        ("Mary O'Brien", "Mary O’Brien"),
        ("Mary O'Brien", "OBrien, Mary"),
        ("Wei-Chen Chiu", "Chiu, W.-C."),
        ("Wei-Chen Chiu", "W. Chiu"),
        ("Wei-Chen Chiu", "Weichen Chiu"),
        ("Wei Chen Chiu", "Wei-Chen Chiu"),
        ("Ana Garcia-Lopez", "García-López, A."),
        ("Ana Garcia-Lopez", "Ana Garcia Lopez"),
        ("García Márquez, Gabriel", "Gabriel García Márquez"),
        ("Jan van der Berg", "van der Berg, Jan"),
        ("Jan van der Berg", "Berg, J. van der"),
        ("van der Berg", "Jan van der Berg"),
        ("van Dam", "Iris van Dam"),
        ("Berg", "Jan van der Berg"),
        ("Di Wang", "D. Wang"),
        ("Hai Van Nguyen", "Nguyen, Hai Van"),
        ("LHCb Collaboration", "The LHCb collaboration"),
        ("LHCb Collaboration", "Collaboration, LHCb"),
        ("王小明", "王小明"),
        ("王小明", "王 小明"),
        ("王小明", "王，小明"),
        ("王", "王 小明"),
        ("김철수", "김 철수"),
        ("Анна Перо", "Перо, А."),
        ("анна перо", "Анна Перо"),
    ],
)
def test_an_author_is_known_however_the_name_is_written(followed: str, author: str) -> None:
    assert is_author(followed, author)
    alone = len(parse(followed).words) == 1
    assert by("Somebody Else", author).matches(followed).tolist() == ([] if alone else [1]), "one word is no name"


@pytest.mark.parametrize(
    ("followed", "author"),
    [
        ("Ada Quill", "Bela Quill"),
        ("Ada Quill", "Ada Vane"),
        ("Ada Quill", "B. Quill"),
        ("Ada Quill", "Quill"),
        ("Ada Quill", "Adam Quill"),
        ("Ada Quill", "Bela Ada Quill"),
        ("Ada M. Quill", "Ada K. Quill"),
        ("Ada M. Quill", "A. K. Quill"),
        ("Ada", "Ada Quill"),
        ("Quill", "Quill Vane"),
        ("Quill", "Ada Quill Vane"),
        ("Quill", "Ada Quill-Vane"),
        ("Vane", "Ada Quill-Vane"),
        ("Li", "Mei Liang"),
        ("Li", "Li Mei"),
        ("Wei-Chen Chiu", "Wei-Hao Chiu"),
        ("Wei-Chen Chiu", "W.-H. Chiu"),
        ("Wei Chiu", "Wei-Chen Chiu"),
        ("van der Berg", "Jan Berg"),
        ("van der Berg", "Jan van den Berg"),
        ("Jan van der Berg", "Piet van der Berg"),
        ("der", "Jan van der Berg"),
        ("Collaboration", "LHCb Collaboration"),
        ("Qwen Team", "Gemma Team"),
        ("王小明", "王小红"),
        ("小明", "王小明"),
        ("Анна Перо", "Анна Пероу"),
        ("Ada Quill", ""),
        ("Ada Quill", ", "),
    ],
)
def test_another_author_is_not(followed: str, author: str) -> None:
    assert not is_author(followed, author)


@pytest.mark.parametrize(
    ("followed", "title"),
    [
        ("language model", "A Language Model for owls"),
        ("language model", "Owls read language models"),
        ("Transformers", "A transformer of owls"),
        ("zero-shot", "Zero shot learning"),
        ("zero shot", "ZERO-SHOT, again"),
        ("zero\N{NON-BREAKING HYPHEN}shot", "Zero-shot learning"),
        ("k-means", "Faster $k$-means"),
        ("Moore's law", "After Moore’s Law"),
        ("Schrödinger", r"The Schr\"odinger equation"),
        ("GPT-4", "gpt 4 and others"),
        ("C++", "A compiler for C++17"),
        ("语言模型", "大语言模型的研究"),
    ],
)
def test_a_phrase_is_found_however_it_is_written(followed: str, title: str) -> None:
    assert is_said(followed, title)
    in_abstract = Matcher([paper(title="Nothing", abstract=f"We wrote: {title}.")])
    assert in_abstract.matches(followed).tolist() == [0]


@pytest.mark.parametrize(
    ("followed", "title"),
    [
        ("owl", "Bowling for owlets"),
        ("language model", "Models of language"),
        ("language model", "Language and models"),
        ("languages model", "A language model"),
        ("new", "Fake news"),
        ("C", "A compiler for C++"),
        ("language model", "Language modal-based"),
    ],
)
def test_parts_of_words_and_words_in_another_order_are_not(followed: str, title: str) -> None:
    assert not is_said(followed, title)


def test_no_phrase_reaches_from_one_text_into_the_next() -> None:
    matcher = Matcher([paper(1, title="Of owls", abstract="Models sing"), paper(2, title="Night", abstract="Owls")])
    for across in ("owls models", "sing night", "night owls", "owls of", "sing " * 15):
        assert matcher.matches(f"word:{across}").tolist() == []
    assert matcher.matches("word:owl").tolist() == [0, 1]


def test_a_rare_word_before_a_common_one_is_found_with_singular_and_plural() -> None:
    matcher = saying("Owl model", "Owl models", "Model of models", "A model", "Models", "Owl modal")
    assert matcher.matches("word:owl model").tolist() == matcher.matches("word:owl models").tolist() == [0, 1]


def test_a_prefix_says_whether_author_or_word_is_meant() -> None:
    papers = [paper(1, title="A song", authors=("Bela Vane",)), paper(2, title="Night", authors=("Ada Song",))]
    matcher = Matcher(papers)
    assert matcher.matches("word:song").tolist() == [0]
    assert matcher.matches("author:song").tolist() == [1]
    assert matcher.matches("song").tolist() == [0]
    assert matcher.matches("ada song").tolist() == [1]


def test_a_paper_is_named_once_and_papers_in_their_order() -> None:
    twice = paper(1, title="Quill on Quill", abstract="Quill.", authors=("Ada Quill", "Bela Quill"))
    assert Matcher([paper(2, authors=()), twice, twice]).matches("Quill").tolist() == [1, 2]


def test_without_papers_or_texts_nothing_matches() -> None:
    for matcher in (Matcher([]), Matcher([paper(title="", abstract="", authors=())])):
        assert matcher.matches("Ada Quill").tolist() == []


def test_what_is_no_interest_is_refused() -> None:
    with pytest.raises(UsageError):
        Matcher([paper()]).matches("--")


def test_an_answer_cannot_be_spoiled_for_the_next_reader() -> None:
    matcher = by("Ada Quill", "Quill, Ada")
    with pytest.raises(ValueError, match="read-only"):
        matcher.matches("author:Ada Quill")[0] = 7
    assert matcher.matches("AUTHOR: Ada Quill") is matcher.matches("author:Ada Quill")


def test_a_corpus_of_many_different_words_is_searched_alike() -> None:
    # More words than 16 bits can count.
    texts = [" ".join(f"w{part}x{number}" for number in range(1000)) for part in range(70)]
    matcher = Matcher([paper(part, title=f"Part {part}", abstract=text) for part, text in enumerate(texts)])
    assert matcher.matches("word:w69x998 w69x999").tolist() == [69]
    assert matcher.matches("word:w0x0").tolist() == [0]
    assert matcher.matches("word:part").tolist() == list(range(70))


_NAMES = st.sampled_from(["Ada Quill", "Quill, Ada M.", "Zoë van der Berg", "W.-C. Chiu", "Bela Vane", "王 小明"])
_TEXTS = st.lists(
    st.sampled_from(["Of", "owls", "models", "zero-shot", "Łódź", "matrices", "Straße", "C++", "语言", "K⁺"]),
    max_size=9,
)
_PAPERS = st.lists(
    st.builds(
        lambda words, more, authors: paper(title=" ".join(words), abstract=" ".join(more), authors=tuple(authors)),
        _TEXTS,
        _TEXTS,
        st.lists(_NAMES, max_size=3),
    ),
    max_size=6,
)
_FOLLOWED = st.one_of(
    _NAMES, st.lists(st.sampled_from(["owl", "model", "lodz", "matrix", "C++"]), min_size=1).map(" ".join)
)


def written(one: Paper, way: str) -> Paper:
    return paper(
        title=rewritten(one.title, way),
        abstract=rewritten(one.abstract, way),
        authors=tuple(rewritten(author, way) for author in one.authors),
    )


def rewritten(text: str, way: str) -> str:
    return {"upper": text.upper(), "lower": text.lower()}.get(way) or unicodedata.normalize("NFD", text)


@given(_PAPERS, _FOLLOWED, st.sampled_from(["upper", "lower", "NFD"]))
def test_case_and_accents_change_nothing_on_either_side(papers: list[Paper], followed: str, way: str) -> None:
    expected = Matcher(papers).matches(followed[:90]).tolist()
    assert Matcher([written(one, way) for one in papers]).matches(followed[:90]).tolist() == expected
    assert Matcher(papers).matches(rewritten(followed[:90], way)).tolist() == expected


@given(_PAPERS, _FOLLOWED, st.randoms(use_true_random=False))
def test_the_order_of_papers_changes_only_their_numbers(
    papers: list[Paper], followed: str, dice: random.Random
) -> None:
    order = list(range(len(papers)))
    dice.shuffle(order)
    found = Matcher([papers[number] for number in order]).matches(followed[:90]).tolist()
    assert sorted(order[number] for number in found) == Matcher(papers).matches(followed[:90]).tolist()
    assert found == sorted(found)


# What can be shown: nothing else is accepted as a word to mute.
_SHOWN = st.text(st.characters(exclude_categories=["C"]), max_size=40)


@given(st.lists(st.tuples(_SHOWN, _SHOWN), min_size=1, max_size=4), st.data())
def test_whole_words_that_a_paper_has_one_after_the_other_always_match(
    texts: list[tuple[str, str]], data: st.DataObject
) -> None:
    papers = [paper(number, title=title, abstract=abstract) for number, (title, abstract) in enumerate(texts)]
    number = data.draw(st.integers(0, len(papers) - 1))
    words = words_of(data.draw(st.sampled_from(texts[number])))
    start = data.draw(st.integers(0, len(words)))
    muted = " ".join(words[start : start + data.draw(st.integers(1, 5))])
    if 0 < len(muted) < 90:
        assert number in Matcher(papers).matches(f"word:{muted}")
        assert number in Matcher(papers).matches(muted) or muted.startswith(("author", "word"))


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=30))
def test_any_names_and_texts_give_papers_or_the_one_error(authors: list[str], followed: str) -> None:
    matcher = Matcher([paper(1, authors=tuple(authors), title=" ".join(authors)), paper(2, authors=(followed,))])
    try:
        found = matcher.matches(f"author:{followed}")
    except UsageError:
        return
    assert set(found.tolist()) <= {0, 1}
