"""The measures, against those of ir-measures (trec_eval's code) and of scikit-learn, and against a count of all pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TypeAlias

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG
from sklearn.metrics import roc_auc_score

from digestbot.ranking.evaluation import auc, evaluate, ndcg, recall, reciprocal_rank

Scores: TypeAlias = Mapping[str, Mapping[str, float]]
Grades: TypeAlias = Mapping[str, Mapping[str, int]]

papers = [f"arxiv:2505.{number:05d}" for number in range(80)]
readers = [f"reader-{number}" for number in range(4)]
runs = st.dictionaries(st.sampled_from(readers), st.lists(st.sampled_from(papers), unique=True), max_size=4)
# Few values, so that many papers have the same; single precision holds them.
tied_runs = st.dictionaries(
    st.sampled_from(readers),
    st.dictionaries(st.sampled_from(papers), st.sampled_from([-1.0, 0.0, 0.25, 0.5, 7.0])),
    max_size=4,
)
judgements = st.dictionaries(
    st.sampled_from(readers), st.sets(st.sampled_from(papers), min_size=1), min_size=1, max_size=4
)
graded = st.dictionaries(
    st.sampled_from(readers), st.dictionaries(st.sampled_from(papers), st.integers(0, 3), min_size=1), max_size=4
)


def in_order(run: Mapping[str, Iterable[str]]) -> Scores:
    """Return scores that leave no doubt about the order."""
    return {reader: {paper: -float(place) for place, paper in enumerate(own)} for reader, own in run.items()}


def by_trec_eval(run: Scores, qrels: Grades) -> list[float]:
    """Return nDCG@10, recall@50 and MRR, means over the readers of the qrels."""
    measures = [nDCG @ 10, R @ 50, RR]
    found = ir_measures.calc_aggregate(
        measures,
        [ir_measures.Qrel(reader, paper, grade) for reader, own in qrels.items() for paper, grade in own.items()],
        [ir_measures.ScoredDoc(reader, paper, score) for reader, own in run.items() for paper, score in own.items()],
    )
    return [found[measure] for measure in measures]


def by_us(run: Mapping[str, list[str]], qrels: Mapping[str, set[str]]) -> list[float]:
    found = evaluate(run, qrels)
    return [found.ndcg_at_10, found.recall_at_50, found.mrr]


def binary(qrels: Mapping[str, set[str]]) -> Grades:
    return {reader: dict.fromkeys(own, 1) for reader, own in qrels.items()}


@given(runs, judgements)
@settings(deadline=None)
def test_ndcg_recall_and_mrr_are_those_of_trec_eval(run: dict[str, list[str]], qrels: dict[str, set[str]]) -> None:
    assert evaluate(run, qrels).readers == len(qrels)
    assert by_us(run, qrels) == pytest.approx(by_trec_eval(in_order(run), binary(qrels)), abs=1e-9)


@given(tied_runs, judgements)
@settings(deadline=None)
def test_they_are_its_own_with_equal_scores_too_once_these_stand_in_its_order(
    run: dict[str, dict[str, float]], qrels: dict[str, set[str]]
) -> None:
    # It takes the last id first.
    ordered = {reader: sorted(sorted(own, reverse=True), key=lambda paper: -own[paper]) for reader, own in run.items()}
    assert by_us(ordered, qrels) == pytest.approx(by_trec_eval(run, binary(qrels)), abs=1e-9)


@given(runs, graded)
@settings(deadline=None)
def test_every_grade_above_0_is_relevant_and_no_more_than_that(
    run: dict[str, list[str]], qrels: dict[str, dict[str, int]]
) -> None:
    relevant = {reader: {paper for paper, grade in own.items() if grade > 0} for reader, own in qrels.items()}
    judged = {reader: own for reader, own in qrels.items() if relevant[reader]}
    if not judged:
        assert evaluate(run, relevant).readers == 0
        return
    found = by_us(run, relevant)
    assert found[1:] == pytest.approx(by_trec_eval(in_order(run), judged)[1:], abs=1e-9)
    once = {reader: {paper: min(1, grade) for paper, grade in own.items()} for reader, own in judged.items()}
    assert found[0] == pytest.approx(by_trec_eval(in_order(run), once)[0], abs=1e-9)


@given(st.lists(st.sampled_from(papers), unique=True, min_size=2), st.sets(st.sampled_from(papers), min_size=1))
@settings(deadline=None)
def test_auc_is_that_of_scikit_learn_times_the_share_of_relevant_papers_in_the_run(
    ranked: list[str], relevant: set[str]
) -> None:
    truth = [paper in relevant for paper in ranked]
    if len(set(truth)) == 1:
        # It has no area then; 0.5 when all are relevant, 0 when none is.
        assert auc(ranked, relevant) == (0.5 if truth[0] else 0.0)
        return
    area = roc_auc_score(truth, [-place for place in range(len(ranked))])
    assert auc(ranked, relevant) == pytest.approx(area * sum(truth) / len(relevant), abs=1e-9)


@given(st.lists(st.sampled_from(papers[:12]), unique=True), st.sets(st.sampled_from(papers[:12]), min_size=1))
def test_auc_is_the_part_of_pairs_in_the_right_order(ranked: list[str], relevant: set[str]) -> None:
    others = [paper for paper in ranked if paper not in relevant]
    place = {paper: number for number, paper in enumerate(ranked)}
    pairs = [place.get(good, len(ranked)) < place[other] for good, other in product(relevant, others)]
    assert auc(ranked, relevant) == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.5 * bool(ranked))


@given(st.sets(st.sampled_from(papers), min_size=1), st.sets(st.sampled_from(papers)))
def test_the_best_order_is_1_by_every_measure(relevant: set[str], others: set[str]) -> None:
    ranked = [*sorted(relevant), *sorted(others - relevant)]
    assert ndcg(ranked, relevant, 10) == pytest.approx(1)
    assert reciprocal_rank(ranked, relevant) == 1
    assert recall(ranked, relevant, len(relevant)) == 1
    assert auc(ranked, relevant) == (1 if others - relevant else 0.5)


def test_a_reader_without_a_line_in_the_run_counts_0() -> None:
    alone = evaluate({"ada": ["a", "b"]}, {"ada": {"a"}})
    both = evaluate({"ada": ["a", "b"]}, {"ada": {"a"}, "bela": {"a"}})
    assert alone.ndcg_at_10 == alone.recall_at_50 == alone.mrr == alone.auc == 1
    assert both.readers == 2
    assert both.ndcg_at_10 == both.recall_at_50 == both.mrr == both.auc == 0.5


def test_readers_whom_nothing_suits_and_readers_who_were_not_judged_do_not_count() -> None:
    found = evaluate({"ada": ["a"], "bela": ["b"], "cyr": ["c"]}, {"ada": {"a"}, "bela": set()})
    assert found.readers == 1
    assert found.mrr == 1


def test_nothing_judged_is_nothing_found() -> None:
    assert evaluate({"ada": ["a"]}, {}).readers == 0
