"""The fakes of our tests as a program of its own: a month of arXiv, and Hugging Face's days of it.

It runs with the checkout on its path. On stdout it says as JSON where it listens and what there is to be had. Then
each line on stdin is answered with a line: ``tally`` with what was sent since the last one; ``whole``, from where on
no page is answered with 304, with nothing. It ends with its stdin.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from tests.fakes.arxiv import Arxiv, State, World
from tests.fakes.arxiv.categories import set_of
from tests.fakes.huggingface import HuggingFace, item
from tests.fakes.server import Answer, Request, serving

# All of this world is in these archives.
ARCHIVES = ("cs", "eess", "hep-th", "math", "physics", "q-bio", "quant-ph", "stat")
AFTERNOON = time(16, tzinfo=UTC)
WEEK = 7
PICKS_A_DAY = 60


@dataclass(kw_only=True)
class Watched(Arxiv):
    """An arXiv that counts what it sends; ``conditional`` says whether it may answer 304."""

    conditional: bool = True
    sent: Counter[str] = field(default_factory=Counter)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, request: Request) -> Answer:
        """Answer, and count."""
        if not self.conditional:
            request = replace(request, headers={**request.headers, "if-none-match": ""})
        answer = super().reply(request)
        counts = {
            "requests": 1,
            "unchanged": int(answer.status == 304),
            "bytes": len(answer.body),
            "records": answer.body.count(b"<record>"),
        }
        with self._counting:
            self.sent.update(counts)
        return answer

    def tally(self) -> dict[str, int]:
        """Return what was counted since the last time."""
        with self._counting:
            counts, self.sent = dict(self.sent), Counter()
        return counts


def picks(world: World, last: date) -> HuggingFace:
    """Return the daily papers of the week that ends with ``last``: of each day's new ones some, with their votes."""
    known = world.view("oai")
    days = {}
    for day in (last - timedelta(days=number) for number in range(WEEK)):
        new = [line.paper for line in world.batch(day) if line.action == "new"][:PICKS_A_DAY]
        days[day] = [pick(known[paper.id], number, day) for number, paper in enumerate(new, 1)]
    return HuggingFace(today=last, days=days)


def pick(paper: State, number: int, day: date) -> dict[str, object]:
    """Return a paper as Hugging Face shows it, in arXiv's own words."""
    authors = [{"_id": f"{number:024x}", "name": name, "hidden": False} for name in paper.names]
    return item(number, day, id=paper.id, title=paper.title, summary=paper.abstract, authors=authors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("last", type=date.fromisoformat)
    parser.add_argument("papers_a_day", type=int)
    arguments = parser.parse_args()
    world = World(arguments.first, arguments.last, papers_a_day=arguments.papers_a_day)
    world.now = datetime.combine(arguments.last, AFTERNOON)
    arxiv = Watched(world=world)
    arxiv.oai.prepare()
    with serving(arxiv), serving(picks(world, arguments.last)) as huggingface:
        there = {
            "feed_url": arxiv.feed_url,
            "oai_url": arxiv.oai_url,
            "api_url": arxiv.api_url,
            "huggingface_url": f"{huggingface.url}/api/daily_papers",
            "categories": ARCHIVES,
            "sets": [set_of(archive) for archive in ARCHIVES],
            "at": world.now.isoformat(),
            "announced": len(world.announced(ARCHIVES)),
            "changed": sum(state.datestamp >= arguments.first for state in world.view("oai").values()),
            "picked": sum(map(len, huggingface.days.values())),
        }
        print(json.dumps(there), flush=True)
        for line in sys.stdin:
            if line.strip() == "whole":
                arxiv.conditional = False
            print(json.dumps(arxiv.tally() if line.strip() == "tally" else None), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
