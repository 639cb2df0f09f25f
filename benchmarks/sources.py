"""What the sources cost: a month of arXiv, a day that is known, a week of votes, a bibliography, a table.

Every figure is of a program of its own: the seconds of processor that it used, from its start to its end, the
seconds that went by, and the most memory that it held. The services are the fakes of our tests, in a process of
theirs. Ours and the plain way take turns; other programs on the machine only ever add to seconds, so the least of
some runs counts, and of memory the most.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from stage import CHECKOUT, environment, say

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 30)
BIBLIOGRAPHY, TABLE = 5_000, 12_000

# The plain way: each page is read whole, and its records go into one table.
PLAIN_MONTH = """
import sys
import httpx2
from xml.etree import ElementTree
from sqlite_utils import Database

OAI, RAW = "{http://www.openarchives.org/OAI/2.0/}", "{http://arxiv.org/OAI/arXivRaw/}"
FIELDS = ("id", "title", "authors", "categories", "comments", "doi", "abstract")
url, first, path, *sets = sys.argv[1:]
papers = Database(path)["papers"]
with httpx2.Client(trust_env=False) as client:
    for name in sets:
        query = {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": name, "from": first}
        while query:
            page = ElementTree.fromstring(client.get(url, params=query).raise_for_status().content)
            found = page.iterfind(f"{OAI}ListRecords/{OAI}record/{OAI}metadata/{RAW}arXivRaw")
            papers.insert_all(
                ({field: raw.findtext(f"{RAW}{field}") for field in FIELDS} for raw in found), pk="id", replace=True
            )
            token = page.findtext(f"{OAI}ListRecords/{OAI}resumptionToken")
            query = {"verb": "ListRecords", "resumptionToken": token} if token else None
print(papers.count)
"""
PLAIN_FEED = """
import sys, feedparser
with open(sys.argv[1], "rb") as file:
    print(len(feedparser.parse(file.read()).entries))
"""
PLAIN_VOTES = """
import sys, httpx2
url, *days = sys.argv[1:]
with httpx2.Client(trust_env=False) as client:
    print(sum(len(client.get(url, params={"date": day, "p": 0, "limit": 100}).json()) for day in days))
"""
PLAIN_BIBLIOGRAPHY = """
import sys, bibtexparser
print(len(bibtexparser.parse_file(sys.argv[1]).entries))
"""
PLAIN_TABLE = """
import csv, sys
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    print(len(list(csv.DictReader(file))))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a program took: seconds of processor (user and system), seconds that went by, megabytes at the most.

    ``peak`` is 0 where it was not above what this program itself holds, so that nobody can tell.
    """

    own: float
    wall: float
    peak: float


class Services:
    """The fakes, in a process of their own; ``there`` is what they said of themselves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.there: Mapping[str, Any] = self._heard()

    def tally(self) -> Mapping[str, int]:
        """Return what arXiv sent since the last time."""
        counts: Mapping[str, int] = self._ask("tally")
        return counts

    def send_whole_pages(self) -> None:
        """Have no page answered with 304 any more."""
        self._ask("whole")

    def _ask(self, what: str) -> Any:
        print(what, file=self._process.stdin, flush=True)
        return self._heard()

    def _heard(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit("the services ended")
        return json.loads(line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of each program")
    parser.add_argument("--papers-a-day", type=int, default=940, metavar="N", help="new ones that arXiv announces")
    arguments = parser.parse_args()
    if arguments.runs < 1 or arguments.papers_a_day < 10:
        parser.error("--runs must be at least 1, and --papers-a-day at least 10")
    with tempfile.TemporaryDirectory(prefix="digestbot-sources-") as name, served(arguments.papers_a_day) as services:
        settings = month(services, Path(name), arguments.runs)
        known_day(services, settings, arguments.runs)
        known_week(services, settings, arguments.runs)
        files(settings, arguments.runs)
    return 0


@contextlib.contextmanager
def served(papers_a_day: int) -> Iterator[Services]:
    """Run the services; building their world takes a while."""
    program = [sys.executable, str(CHECKOUT / "benchmarks" / "services.py"), str(FIRST), str(LAST), str(papers_a_day)]
    with subprocess.Popen(
        program,
        env=environment() | {"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Services(process)
        finally:
            process.terminate()


def month(services: Services, folder: Path, runs: int) -> Path:
    """Fill a month of all of arXiv by OAI-PMH, each time anew; return the settings of the last installation."""
    there = services.there
    ours, plain, sent, settings = [], [], services.tally(), folder
    for number in range(runs):
        settings = install(there, folder / f"month {number}")
        ours.append(load(settings, "arxiv", "--since", str(FIRST), "--at", there["at"], new=there["announced"]))
        sent = services.tally()
        rival = [PLAIN_MONTH, there["oai_url"], str(FIRST), str(settings.with_name("plain.sqlite")), *there["sets"]]
        plain.append(python(*rival))
        pages = services.tally()
        # What digestbot asks for besides is the feed of the day.
        if pages["requests"] != sent["requests"] - 1:
            raise SystemExit(f"the plain way had {pages['requests']} pages, digestbot {sent['requests']}")
        say(f"month, run {number + 1}: digestbot {ours[-1].own:.2f} s, the plain way {plain[-1].own:.2f} s")
    print(
        f"A month of arXiv: {there['changed']:,} records, {there['announced']:,} papers announced; sent were"
        f" {sent['requests']} pages with {sent['records']:,} ({sent['bytes'] / 1e6:.0f} MB), one for each archive"
    )
    show(f"digestbot load arxiv --since {FIRST}", ours, target="60 s, 300 MB")
    show("httpx2, xml.etree, insert_all", plain)
    ratio(ours, plain)
    return settings


def known_day(services: Services, settings: Path, runs: int) -> None:
    """Load once more the day whose papers are all known, first unchanged (304), then sent as a whole."""
    there = services.there
    feed = settings.with_name("feed.xml")
    url = f"{there['feed_url']}/{'+'.join(there['categories'])}"
    with urllib.request.urlopen(url) as answer:
        feed.write_bytes(answer.read())
    entries = feed.read_bytes().count(b"<entry>")
    later = datetime.fromisoformat(there["at"]) + timedelta(hours=1)
    costs: dict[str, list[Cost]] = {}
    for number in range(2 * runs):
        if number == runs:
            services.send_whole_pages()
        services.tally()
        cost = load(settings, "arxiv", "--at", later.isoformat(), new=0)
        sent = services.tally()
        if sent["requests"] != 1 or sent["unchanged"] != (number < runs):
            raise SystemExit(f"expected one page, answered with 304 in the first {runs} loads, but sent was {sent}")
        costs.setdefault("304" if number < runs else "whole", []).append(cost)
        costs.setdefault("start", []).append(python("pass"))
        costs.setdefault("plain", []).append(python(PLAIN_FEED, str(feed)))
        say(f"known day, run {number + 1}: digestbot {cost.own:.2f} s, feedparser {costs['plain'][-1].own:.2f} s")
    print(f"A day of arXiv that is known: {entries:,} entries, {there['announced']:,} papers in the store")
    show("digestbot load arxiv, answered with 304", costs["304"], target="2 s")
    show("digestbot load arxiv, the whole page", costs["whole"], target="2 s")
    show("feedparser alone", costs["plain"])
    show("python -c pass", costs["start"])
    ratio(costs["whole"], costs["plain"])


def known_week(services: Services, settings: Path, runs: int) -> None:
    """Load a week of Hugging Face once more, all known and with the votes that they had."""
    there = services.there
    since = LAST - timedelta(days=6)
    days = [str(since + timedelta(days=number)) for number in range(7)]
    ask = ("huggingface", "--since", days[0], "--at", there["at"])
    load(settings, *ask, new=0)
    ours, plain = [], []
    for _ in range(runs):
        ours.append(load(settings, *ask, new=0, updated=0))
        plain.append(python(PLAIN_VOTES, there["huggingface_url"], *days))
    print(f"A week of Hugging Face that is known: {there['picked']:,} papers on 7 days")
    show("digestbot load huggingface", ours)
    show("httpx2 and json", plain)
    ratio(ours, plain)


def files(settings: Path, runs: int) -> None:
    """Load a bibliography and a table of what the month brought, each time into a new store."""
    with contextlib.closing(sqlite3.connect(settings.with_name("digestbot.sqlite"))) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("select * from papers order by id limit ?", (max(BIBLIOGRAPHY, TABLE),)).fetchall()
    for name, papers, rival, label in (
        ("papers.bib", rows[:BIBLIOGRAPHY], PLAIN_BIBLIOGRAPHY, "bibtexparser alone"),
        ("papers.csv", rows[:TABLE], PLAIN_TABLE, "csv.DictReader alone"),
    ):
        path = settings.with_name(name)
        (write_bibliography if path.suffix == ".bib" else write_table)(path, papers)
        ours, plain = [], []
        for number in range(runs):
            elsewhere = install({}, settings.parent / f"{name} {number}")
            ours.append(load(elsewhere, "--file", str(path), new=len(papers)))
            plain.append(python(rival, str(path)))
        print(f"{name}: {len(papers):,} papers, {path.stat().st_size / 1e6:.1f} MB")
        show(f"digestbot load --file {name}", ours)
        show(label, plain)
        ratio(ours, plain)


def install(there: Mapping[str, Any], folder: Path) -> Path:
    """Make an installation that asks these services, and return its settings."""
    folder.mkdir()
    settings = folder / "settings.toml"
    lines = []
    if there:
        addresses = [f"{name} = {json.dumps(there[name])}" for name in ("feed_url", "oai_url", "api_url", "categories")]
        votes = f"url = {json.dumps(there['huggingface_url'])}"
        lines = ["[sources.arxiv]", "pace = 0", *addresses, "[sources.huggingface]", "pace = 0", votes]
    settings.write_text("\n".join(lines), encoding="utf-8")
    return settings


def write_bibliography(path: Path, papers: Sequence[sqlite3.Row]) -> None:
    """Write papers as people's reference managers do."""
    entries = []
    for paper in papers:
        identifier = paper["id"].partition(":")[2]
        fields = {
            "title": paper["title"],
            "author": " and ".join(json.loads(paper["authors"])),
            "year": paper["announced"][:4],
            "month": str(int(paper["announced"][5:7])),
            "eprint": identifier,
            "archivePrefix": "arXiv",
            "primaryClass": json.loads(paper["categories"])[0],
            "url": paper["url"],
            "abstract": paper["abstract"],
        }
        inner = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        entries.append(f"@misc{{{identifier.replace('/', '-')},\n{inner}\n}}\n")
    path.write_text("\n".join(entries), encoding="utf-8")


def write_table(path: Path, papers: Sequence[sqlite3.Row]) -> None:
    """Write papers as a table with the columns of a paper file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "title", "abstract", "authors", "categories", "announced", "url"])
        for paper in papers:
            lists = ("; ".join(json.loads(paper[name])) for name in ("authors", "categories"))
            table.writerow([paper["id"], paper["title"], paper["abstract"], *lists, paper["announced"], paper["url"]])


def load(settings: Path, *arguments: str, new: int, updated: int | None = None) -> Cost:
    """Load, and return what it cost; it must bring so many new papers, skip none, and update as many as is said."""
    cost, printed = run("-m", "digestbot", "--settings", str(settings), "load", *arguments, "--json")
    (loaded,) = json.loads(printed)
    expected = {"new": new, "skipped": []} | ({} if updated is None else {"updated": updated})
    if any(loaded[name] != value for name, value in expected.items()):
        raise SystemExit(f"load {' '.join(arguments)} should have said {expected}: {printed[:2000]}")
    return cost


def python(program: str, *arguments: str) -> Cost:
    """Run a few lines of Python and return what they cost."""
    return run("-c", program, *arguments)[0]


def run(*arguments: str) -> tuple[Cost, str]:
    """Run Python in a process of its own; return what it cost and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed, tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], env=environment(), stdout=printed, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(arguments)[:200]} ended with {process.returncode}: {said.read()[-2000:]}")
        # Until it becomes another program, a child is as large as we are, and Linux counts that as its own.
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kilobytes = usage.ru_maxrss if usage.ru_maxrss > 1.1 * ours else 0
        return Cost(own=usage.ru_utime + usage.ru_stime, wall=wall, peak=kilobytes * 1.024e-3), printed.read()


def least(costs: Sequence[Cost]) -> Cost:
    """Return the least of the seconds and the most of the memory."""
    return Cost(
        own=min(cost.own for cost in costs),
        wall=min(cost.wall for cost in costs),
        peak=max(cost.peak for cost in costs),
    )


def show(label: str, costs: Sequence[Cost], *, target: str = "") -> None:
    """Print one row."""
    cost = least(costs)
    memory = f"{cost.peak:7.0f} MB" if cost.peak else " " * 10
    aim = f"   (target: {target})" if target else ""
    print(f"  {label:42}{cost.own:8.2f} s of its own{cost.wall:8.2f} s{memory}{aim}".rstrip())


def ratio(ours: Sequence[Cost], plain: Sequence[Cost]) -> None:
    """Print how much more of the processor ours took."""
    print(f"  {'digestbot to the plain way':42}{least(ours).own / least(plain).own:8.2f}")


if __name__ == "__main__":
    sys.exit(main())
