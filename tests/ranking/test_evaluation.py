"""The measures, against those of ir-measures (trec_eval's code) and against a count of all pairs."""

from __future__ import annotations

from itertools import product

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from digestbot.ranking.evaluation import auc, evaluate, ndcg, recall, reciprocal_rank

papers = [f"arxiv:2505.{number:05d}" for number in range(80)]
readers = [f"reader-{number}" for number in range(4)]
runs = st.dictionaries(st.sampled_from(readers), st.lists(st.sampled_from(papers), unique=True), max_size=4)
judgements = st.dictionaries(
    st.sampled_from(readers), st.sets(st.sampled_from(papers), min_size=1), min_size=1, max_size=4
)


@given(runs, judgements)
@settings(max_examples=60, deadline=None)
def test_ndcg_recall_and_mrr_are_those_of_trec_eval(run: dict[str, list[str]], qrels: dict[str, set[str]]) -> None:
    found = evaluate(run, qrels)
    reference = ir_measures.calc_aggregate(
        [nDCG @ 10, R @ 50, RR],
        [ir_measures.Qrel(reader, paper, 1) for reader, own in qrels.items() for paper in own],
        [
            ir_measures.ScoredDoc(reader, paper, float(-place))
            for reader, ranked in run.items()
            for place, paper in enumerate(ranked)
        ],
    )
    assert found.readers == len(qrels)
    assert found.ndcg_at_10 == pytest.approx(reference[nDCG @ 10], abs=1e-6)
    assert found.recall_at_50 == pytest.approx(reference[R @ 50], abs=1e-6)
    assert found.mrr == pytest.approx(reference[RR], abs=1e-6)


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
