"""What a corpus becomes: terms, and the background."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.text import has_word_order, said_in, terms_of
from tests.factories import paper
from tests.ranking.library import library, paper_lists


@pytest.mark.parametrize(
    "corpus",
    [
        [paper(1)],
        [paper(1), paper(2)],
        # Papers of the same words have no variance, which is no reason for a warning either.
        [paper(1), paper(2, title=paper(1).title, abstract=paper(1).abstract)],
        [paper(1, title="Robots", abstract="")],
    ],
)
def test_the_smallest_corpora_can_be_fitted(corpus: list[Paper]) -> None:
    features = Features.fit(corpus)
    lengths = np.sqrt(features.transform(corpus).power(2).sum(axis=1))
    # Texts of the usual length give 1 / (1 + 0.3) of the most evidence that there is.
    assert np.asarray(lengths) == pytest.approx(1 / 1.3, abs=0.01)


def test_the_shorter_a_text_the_less_evidence_it_gives_and_never_more_than_one() -> None:
    features = Features.fit(library())
    whole = library()[0]
    texts = [
        replace(whole, title="zzz", abstract=""),
        replace(whole, abstract=""),
        whole,
        replace(whole, abstract=" ".join(one.abstract for one in library())),
    ]
    lengths = np.sqrt(np.asarray(features.transform(texts).power(2).sum(axis=1)).ravel())
    assert lengths[0] == 0
    assert (np.diff(lengths) > 0).all()
    assert lengths[-1] < 1


def corpus_of(many: int, *titles: str) -> list[Paper]:
    others = [paper(number, title=f"word{number % 9} thing{number % 7}", abstract="") for number in range(many)]
    return [*others, *(paper(many + number, title=title, abstract="") for number, title in enumerate(titles))]


def test_a_term_needs_three_places_of_which_a_title_gives_two() -> None:
    assert "zebra" not in Features.fit(corpus_of(1000, "zebra")).terms
    assert "zebra" in Features.fit(corpus_of(1000, "zebra", "zebra")).terms
    assert "zebra" in Features.fit([*corpus_of(1000, "zebra"), paper(2000, title="other", abstract="zebra")]).terms


def test_in_a_small_corpus_a_term_needs_two_papers() -> None:
    assert "zebra" not in Features.fit(corpus_of(60, "zebra zebra")).terms
    assert "zebra" in Features.fit(corpus_of(60, "zebra", "zebra")).terms


@pytest.mark.parametrize("title", ["2025 42 7", "We propose a novel method", "…"])
def test_a_corpus_without_words_that_say_anything_is_refused(title: str) -> None:
    with pytest.raises(ValueError):
        Features.fit([paper(1, title=title, abstract="")])


@pytest.mark.parametrize("many", [50, 1000])
def test_a_corpus_of_papers_that_are_all_the_same_can_be_fitted(many: int) -> None:
    corpus = [paper(number, title="Sparse retrieval", abstract="") for number in range(many)]
    assert Features.fit(corpus).terms.tolist() == ["retrieval", "sparse", "sparse retrieval"]


def test_a_corpus_whose_papers_share_no_word_can_be_fitted() -> None:
    corpus = [paper(number, title=f"zebra{number}", abstract="") for number in range(60)]
    assert len(Features.fit(corpus).terms) == 60


def test_words_that_say_something_in_pairs_alone_do_not_hide_that_a_text_is_written() -> None:
    written = [paper(number, title=f"time series {number}", abstract="open source code") for number in range(300)]
    bags = [
        paper(number, title="", abstract=f"series time {'source robot arm' if number % 2 else 'arm robot source'}")
        for number in range(300)
    ]
    assert has_word_order(written)
    assert not has_word_order(bags)


def test_no_papers_are_no_rows_and_unknown_words_an_empty_row() -> None:
    features = Features.fit(library())
    assert features.transform([]).shape == (0, len(features.terms))
    assert features.transform([paper(1, title="zzz", abstract="")]).nnz == 0


def test_numbers_and_words_of_the_genre_are_no_terms_and_accents_do_not_count() -> None:
    features = Features.fit([paper(1, title="Novel methods for Schrödinger bridges in 2025", abstract="")])
    assert {"schrodinger", "bridges", "schrodinger bridges"} <= set(features.terms)
    assert {word for term in features.terms for word in term.split()} == {"schrodinger", "bridges"}


def test_the_title_counts_more_than_the_abstract() -> None:
    features = Features.fit([paper(1, title="robot", abstract="protein"), paper(2, title="protein", abstract="robot")])
    row = features.transform([paper(3, title="robot", abstract="protein")]).toarray().ravel()
    names = list(features.terms)
    assert row[names.index("robot")] > row[names.index("protein")]


def test_fitting_twice_gives_the_same_background() -> None:
    first, second = Features.fit(library()), Features.fit(library())
    assert np.array_equal(first.background.directions, second.background.directions)
    assert np.array_equal(first.background.discount, second.background.discount)


@given(paper_lists(least=2))
@settings(max_examples=10, deadline=None)
def test_directions_are_orthonormal_and_no_more_than_asked_for(corpus: list[Paper]) -> None:
    background = Features.fit(corpus, Recipe(dimensions=4)).background
    count = background.directions.shape[1]
    assert count <= 4
    assert ((background.discount >= 0) & (background.discount < 1)).all()
    strong = background.directions[:, background.discount > 1e-6]
    assert strong.T @ strong == pytest.approx(np.eye(strong.shape[1]), abs=1e-4)


def test_the_rows_of_a_fit_are_what_its_features_make_of_the_corpus() -> None:
    features, rows = Features.fit_rows(library())
    again = features.rows(library())
    assert rows.terms.toarray() == pytest.approx(again.terms.toarray(), abs=1e-6)
    assert rows.place == pytest.approx(again.place, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"\emph{Deep} \textbf{learning} of $\alpha$-trees", "deep learning trees"),
        (r"The Poincar\'e lemma for G\"{o}del and $\mathcal{O}(n^2)$", "poincare lemma godel"),
        ("<p>Cells &amp; <i>in vivo</i> imaging</p>", "cells vivo imaging"),
        ("Software: https://example.org/some/where?x=1 (mirror)", "software mirror"),
        ("x < y and a <b", "x y a b"),
        (r"50\% of cost \\ C&C", "cost"),
        (r"$x_i$, $L_2$ and L_2 loss in $\mathbb{R}^{dim}$ with $T_{\mathrm{max}}$ and V<sub>eff</sub>", "loss"),
        (r"Robots \cite[p. 3]{quill2020} \ref{fig:one} \eqref{sum} \label{intro} \includegraphics{arm}", "robots"),
        (r"\url{https://example.org/abc} and \href{https://example.org/x}{robot arms}", "robot arms"),
        ("energy a<b and cost>d, masses <m and heat>", "energy cost masses heat"),
        ("<jats:p>Cells</jats:p> <a href='x'>arms</a> <span class=\"dim\">legs</span><br/>", "cells arms legs"),
    ],
)
def test_markup_gives_no_terms(text: str, plain: str) -> None:
    words = [term for term in terms_of(text) if " " not in term]
    assert words == [word for word in plain.split() if len(word) > 1]


@given(st.text(st.sampled_from("\\${}<>&; ab://'\"^_[]é"), max_size=60))
def test_any_markup_can_be_read(text: str) -> None:
    assert all(term for term in terms_of(text))


@pytest.mark.parametrize("part", [r"\cite", "<a ", "<a b=", "_{", "_{a", r"\begin{", "<sub>", "\\'", "---", r"\cite["])
def test_reading_takes_no_longer_than_the_text_is_long(part: str) -> None:
    terms_of(part * (100_000 // len(part)))


def test_some_words_make_a_term_beside_another_and_none_alone() -> None:
    terms = terms_of("Code generation, point clouds and time series at test time")
    assert {"code generation", "point clouds", "time series", "test time"} <= set(terms)
    assert {"code", "point", "time", "test"}.isdisjoint(terms)


@pytest.mark.parametrize(
    "text", ["Time. Series", "time of series", "series (time) lost", "time 2 series", "time, series"]
)
def test_such_a_term_stands_side_by_side(text: str) -> None:
    assert not {"time series", "series time"} & set(terms_of(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sparse  retrieval", {"sparse", "retrieval", "sparse retrieval"}),
        ("sparse, retrieval", {"sparse", "retrieval"}),
        ("sparse (retrieval)", {"sparse", "retrieval"}),
        ("sparse and retrieval", {"sparse", "retrieval"}),
        ("sparse 2d-retrieval", {"sparse", "retrieval"}),
        ("sparse — größer", {"sparse", "großer"}),
        ("time series", {"series", "time series"}),
    ],
)
def test_a_pair_is_said_where_nothing_but_a_blank_is_between_its_words(text: str, said: set[str]) -> None:
    assert said_in(text) == said


@given(st.text(st.sampled_from("abé 2,.-()\\{}<$"), max_size=40))
def test_what_is_said_is_among_the_terms_of_a_text(text: str) -> None:
    assert said_in(text) <= set(terms_of(text))


@given(st.lists(st.sampled_from(["ab", "the", "cd", "time", ",", "(", "2", "-", "x-", "é", "fg"]), max_size=12))
def test_a_pair_that_is_said_can_be_found_in_the_text(parts: list[str]) -> None:
    text = " ".join(parts)
    assert all(term in text for term in said_in(text) if "é" not in text)
