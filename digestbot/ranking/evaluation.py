"""How good runs are: nDCG@10, recall@50, MRR and AUC, averaged over the readers of the qrels.

As trec_eval computes them (``ndcg_cut_10``, ``recall_50``, ``recip_rank``), to the last digits; a reader without a line
in the run counts 0. Where we differ, on purpose:

* Relevance is binary. A grade above 1 is relevant and no more than that, while trec_eval's nDCG takes it as the gain.
* A run is given in its order. Ours is that of the scores and, among equal ones, of the rank column, which is what its
  maker meant; trec_eval puts equal scores in the order of their ids, the last first, and reads scores in single
  precision, so that some which differ are equal to it.
* Readers to whom nothing is relevant do not count, as they would with 0 if their qrels had only grades of 0.

AUC is the area under the ROC curve of what is ranked (scikit-learn's ``roc_auc_score``), where the relevant papers that
a run lacks count as standing last: times the share of them that it has.
Jarvelin and Kekalainen, Cumulated gain-based evaluation of IR techniques (ACM TOIS 20, 2002).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import log2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Means over readers; ``readers`` says how many."""

    readers: int
    ndcg_at_10: float
    recall_at_50: float
    mrr: float
    auc: float


def evaluate(run: Mapping[str, Sequence[str]], qrels: Mapping[str, AbstractSet[str]]) -> Quality:
    """Judge a run (each reader's papers, best first) by the relevant papers of each reader."""
    judged = [(run.get(reader, ()), relevant) for reader, relevant in sorted(qrels.items()) if relevant]
    count = max(1, len(judged))
    return Quality(
        readers=len(judged),
        ndcg_at_10=sum(ndcg(ranked, relevant, 10) for ranked, relevant in judged) / count,
        recall_at_50=sum(recall(ranked, relevant, 50) for ranked, relevant in judged) / count,
        mrr=sum(reciprocal_rank(ranked, relevant) for ranked, relevant in judged) / count,
        auc=sum(auc(ranked, relevant) for ranked, relevant in judged) / count,
    )


def ndcg(ranked: Sequence[str], relevant: AbstractSet[str], depth: int) -> float:
    """Return the discounted gain of the first ``depth``, relative to the best order there could be."""
    gain = sum(1 / log2(rank + 1) for rank, paper in enumerate(ranked[:depth], 1) if paper in relevant)
    best = sum(1 / log2(rank + 1) for rank in range(1, min(depth, len(relevant)) + 1))
    return gain / best


def recall(ranked: Sequence[str], relevant: AbstractSet[str], depth: int) -> float:
    """Return which part of the relevant papers is among the first ``depth``."""
    return len(relevant & set(ranked[:depth])) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Return one over the rank of the first relevant paper, 0 when there is none."""
    return next((1 / rank for rank, paper in enumerate(ranked, 1) if paper in relevant), 0.0)


def auc(ranked: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Return how often a relevant paper stands before one that is not.

    A relevant paper that the run lacks counts as standing last. 0.5 when every ranked paper is relevant,
    0 when there is none.
    """
    others = sum(paper not in relevant for paper in ranked)
    if others == 0:
        return 0.5 if ranked else 0.0
    behind, won = others, 0
    for paper in ranked:
        if paper in relevant:
            won += behind
        else:
            behind -= 1
    return won / (others * len(relevant))
