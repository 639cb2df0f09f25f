"""The packaged sample: 160 real papers of five days, and three readers with a few likes each.

Titles, authors, ids, categories and days are arXiv's (CC0); the summaries are our own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digestbot.models import Paper, PaperId
from digestbot.sources.files import read_papers

PAPERS_PER_MAIL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReader:
    """A reader of the demo, with what they had liked before the first morning."""

    name: str
    email: str
    interest: str
    likes: tuple[PaperId, ...]


READERS = (
    DemoReader(
        name="Robin",
        email="robin@readers.example",
        interest="search and question answering",
        likes=("arxiv:2505.17206", "arxiv:2505.17281", "arxiv:2505.17391"),
    ),
    DemoReader(
        name="Mira",
        email="mira@readers.example",
        interest="robots and driving",
        likes=("arxiv:2505.17659", "arxiv:2505.17685", "arxiv:2505.17966"),
    ),
    DemoReader(
        name="Sol",
        email="sol@readers.example",
        interest="medical images",
        likes=("arxiv:2505.17096", "arxiv:2505.17042", "arxiv:2505.17644"),
    ),
)

# Tuesday to Friday; the papers begin on the Monday, from which the first likes are.
MORNINGS = tuple(datetime(2025, 5, day, 7, 0, tzinfo=UTC) for day in (27, 28, 29, 30))


def papers() -> list[Paper]:
    """Return the sample's papers."""
    path = Path(__file__).with_name("papers.jsonl")
    return list(read_papers(path, default_day=MORNINGS[0].date()).papers)
