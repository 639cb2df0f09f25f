"""May 2025 once more: real papers, real readers, real mail, real clicks, and a world of chance beside it.

41 people's public reading lists say what they liked before May 2025 and what they put on their lists
in May. Every weekday of that May a fresh installation loads the papers of the day and sends its digests
into a real SMTP server on loopback; each reader opens the mail and likes, on the page behind the mail's
own link, those papers in it that are on the reader's list. Exits 1 when a paper went to a reader twice,
or when a mail or a like got lost.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from statistics import mean

import httpx2
from inbox import Inbox, free_port, server
from reader import like, read_mail
from stage import DATA, AbsentError, data_files, digestbot, paper_lines, say

from digestbot.cli.installation import Installation
from digestbot.cli.service import web_server
from digestbot.digest.compose import window
from digestbot.models import LIKE, SubscriberState
from digestbot.settings import read_settings
from digestbot.store import Preferences

SEND_AT = clock_time(8, 0, tzinfo=UTC)
DRAWS = 100
SEED = 20250501

Ids = AbstractSet[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The papers and the readers, as the data files have them.

    ``before`` holds the files of the papers from before May, ``likes`` each reader's likes from
    before May with their days, ``lists`` what each reader put on the list in May.
    """

    before: Sequence[Path]
    lines: Mapping[date, Sequence[bytes]]
    announced: Mapping[date, Sequence[str]]
    likes: Mapping[str, Mapping[str, date]]
    lists: Mapping[str, Ids]


@dataclass(slots=True, kw_only=True)
class Result:
    """What one replay came to."""

    days: int = 0
    readers: int = 0
    papers_loaded: int = 0
    mails_sent: int = 0
    mails_received: int = 0
    papers_sent: int = 0
    papers_sent_twice: int = 0
    likes_posted: int = 0
    likes_recorded: int = 0
    list_papers_announced: int = 0
    hits: int = 0
    random_hits: float = 0.0
    random_hits_most: int = 0
    ratio: float = 0.0
    load_seconds: float = 0.0
    send_seconds: float = 0.0
    like_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--server", choices=["aiosmtpd", "smtp-sink", "both"], default="aiosmtpd")
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--days", type=int, metavar="N", help="only the first N weekdays")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.days is not None and arguments.days < 1:
        parser.error("--days must be at least 1")
    results: dict[str, Result] = {}
    try:
        stream = read_stream(arguments.data)
        days = sorted(stream.lines)[: arguments.days]
        names = ["aiosmtpd", "smtp-sink"] if arguments.server == "both" else [arguments.server]
        for name in names:
            with server(name) as inbox:
                results[name] = replay(stream, days, inbox, name)
    except AbsentError as error:
        say(f"skipped: {error}")
    if arguments.json:
        print(json.dumps({name: asdict(result) for name, result in results.items()}, indent=2))
    elif results:
        show(results)
    for name, result in results.items():
        for problem in result.problems:
            say(f"{name}: {problem}")
    return 1 if any(result.problems for result in results.values()) else 0


def read_stream(folder: Path) -> Stream:
    """Read the data."""
    march, april, may, ratings, qrels = data_files(
        folder,
        *(f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")),
        "reading_lists/ratings.csv",
        "reading_lists/qrels.txt",
    )
    lines, announced = defaultdict(list), defaultdict(list)
    for path in (march, april, may):
        for identifier, day, line in paper_lines(path):
            announced[day].append(identifier)
            if path == may:
                lines[day].append(line)
    likes: dict[str, dict[str, date]] = defaultdict(dict)
    with ratings.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["value"]) == LIKE:
                likes[row["subscriber"]][row["paper_id"]] = date.fromisoformat(row["rated_at"])
    lists: dict[str, set[str]] = defaultdict(set)
    for judged in qrels.read_text(encoding="utf-8").splitlines():
        reader, _, identifier, relevant = judged.split()
        if int(relevant):
            lists[reader].add(identifier)
    return Stream(
        before=(march, april), lines=lines, announced=announced, likes=likes, lists={one: lists[one] for one in likes}
    )


def replay(stream: Stream, days: Sequence[date], inbox: Inbox, name: str) -> Result:
    """Send every day's digests and click on the likes; count."""
    result = Result(days=len(days), readers=len(stream.likes))
    with tempfile.TemporaryDirectory(prefix="digestbot-replay-") as folder:
        settings = write_settings(Path(folder), smtp_port=inbox.port)
        world = Installation(read_settings(settings, {}, folder=Path(folder)), {})
        try:
            now = datetime.combine(days[0] - timedelta(days=1), SEND_AT)
            for path in stream.before:
                result.load_seconds += load(settings, path)
            subscribe(world, stream.likes, now)
            with web_pages(world) as pages, httpx2.Client(trust_env=False) as browser:
                received: Counter[tuple[str, str]] = Counter()
                for day in days:
                    pages.now = datetime.combine(day, SEND_AT) + timedelta(hours=1)
                    send_day(settings, day, stream, inbox, result)
                    started = time.perf_counter()
                    for mail in map(read_mail, inbox.take(result.mails_sent - result.mails_received)):
                        result.mails_received += 1
                        received.update((mail.reader, identifier) for identifier in mail.likes)
                        for identifier in sorted(mail.likes.keys() & stream.lists[mail.reader]):
                            like(browser, mail.likes[identifier])
                            result.likes_posted += 1
                    result.like_seconds += time.perf_counter() - started
                    say(
                        f"{name}: {day}: {result.mails_received:,} mails, {result.likes_posted:,} likes so far; "
                        f"load {result.load_seconds:.0f} s, send {result.send_seconds:.0f} s"
                    )
            judge(world, stream, days, received, result)
        finally:
            world.close()
    return result


def write_settings(folder: Path, *, smtp_port: int) -> Path:
    """Write the settings of an installation in this folder: the defaults, save where it runs."""
    path = folder / "settings.toml"
    path.write_text(
        f'[web]\nhost = "127.0.0.1"\nport = {free_port()}\n\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\n\n'
        '[mail]\nsender = "digestbot <digestbot@example.org>"\n',
        encoding="utf-8",
    )
    return path


def subscribe(world: Installation, likes: Mapping[str, Mapping[str, date]], now: datetime) -> None:
    """Add every reader, confirmed, with the likes from before May."""
    store = world.store
    for reader, own in sorted(likes.items()):
        added = store.subscribers.add(f"{reader}@example.org", SubscriberState.ACTIVE, Preferences(), now)
        for identifier, day in own.items():
            rated_at = datetime.combine(day, clock_time(12, tzinfo=UTC))
            store.ratings.record(added.id, {identifier: LIKE}, now=rated_at, origin="cli")


def send_day(settings: Path, day: date, stream: Stream, inbox: Inbox, result: Result) -> None:
    """Load the papers of a day and send its digests, by the command line."""
    path = settings.with_name(f"{day}.jsonl")
    path.write_bytes(b"".join(stream.lines[day]))
    result.load_seconds += load(settings, path)
    started = time.perf_counter()
    at = datetime.combine(day, SEND_AT).isoformat()
    counts = json.loads(digestbot(settings, "send", "--at", at, "--json"))
    result.send_seconds += time.perf_counter() - started
    result.mails_sent += counts["sent"]
    if counts["composed"] != counts["sent"]:
        result.problems.append(f"{day}: {counts['composed']} composed, but only {counts['sent']} sent into {inbox}")


def load(settings: Path, path: Path) -> float:
    """Load a paper file and return the seconds it took, the start of the program included."""
    started = time.perf_counter()
    (loaded,) = json.loads(digestbot(settings, "load", "--file", path, "--json"))
    if loaded["skipped"] or loaded["new"] != loaded["received"]:
        raise SystemExit(
            f"{path.name}: of {loaded['received']} papers {loaded['new']} were new: {loaded['skipped'][:3]}"
        )
    return time.perf_counter() - started


def judge(
    world: Installation,
    stream: Stream,
    days: Sequence[date],
    received: Counter[tuple[str, str]],
    result: Result,
) -> None:
    """Count what the mails held, compare it with chance, and note what went wrong."""
    wanted = {(reader, identifier) for reader, own in stream.lists.items() for identifier in own}
    shown = {identifier for day in days for identifier in stream.announced[day]}
    digest = world.settings.digest
    draws = random_hits(stream, days, papers=digest.papers, window_days=digest.window_days)
    store = world.store
    result.papers_loaded = store.papers.count()
    result.papers_sent = received.total()
    result.papers_sent_twice = sum(count - 1 for count in received.values())
    result.likes_recorded = sum(
        rating.value == LIKE
        for subscriber in store.subscribers.all()
        for rating in store.ratings.of([subscriber.id])[subscriber.id]
    ) - sum(map(len, stream.likes.values()))
    result.list_papers_announced = sum(identifier in shown for _, identifier in wanted)
    result.hits = len(wanted & received.keys())
    result.random_hits, result.random_hits_most = mean(draws), max(draws)
    result.ratio = result.hits / result.random_hits if result.random_hits else 0.0
    expected = sum(len(own) for day, own in stream.announced.items() if day < days[0] or day in days)
    if result.papers_loaded != expected:
        result.problems.append(f"{result.papers_loaded} papers are in the store, {expected} were in the files")
    if result.papers_sent_twice:
        result.problems.append(f"{result.papers_sent_twice} papers were sent twice to one reader")
    ledger = {
        (subscriber.email.partition("@")[0], identifier)
        for subscriber in store.subscribers.all()
        for identifier in store.digests.sent_papers([subscriber.id], since=date.min)[subscriber.id]
    }
    if ledger != received.keys():
        result.problems.append(f"the mails and the ledger differ in {len(ledger ^ received.keys())} papers")
    if result.mails_received != result.mails_sent:
        result.problems.append(f"{result.mails_sent} mails were sent, {result.mails_received} arrived")
    if result.likes_recorded != result.likes_posted:
        result.problems.append(f"{result.likes_posted} likes were posted, {result.likes_recorded} recorded")


def random_hits(stream: Stream, days: Sequence[date], *, papers: int, window_days: int) -> list[int]:
    """Return, for each of ``DRAWS`` worlds of chance, how often a paper of a list was in the ten of a day.

    In them every reader gets, each day, ten papers drawn from the same window as digestbot's candidates,
    save those liked before and those that this world has sent before.
    """
    pools: list[list[str]] = []
    for number, day in enumerate(days):
        first, last = window(day, days[number - 1] if number else None, window_days)
        span = [one for one in sorted(stream.announced) if first <= one <= last]
        pools.append([identifier for one in span for identifier in stream.announced[one]])
    sets = [frozenset(pool) for pool in pools]
    hits = []
    for draw in range(DRAWS):
        chance = random.Random(SEED + draw)
        found = 0
        for reader in sorted(stream.likes):
            gone = set(stream.likes[reader])
            for pool, members in zip(pools, sets, strict=True):
                # So many more than needed that enough are left without the ones that are gone.
                most = min(len(pool), papers + len(gone & members))
                ten = [one for one in chance.sample(pool, most) if one not in gone][:papers]
                gone.update(ten)
                found += sum(one in stream.lists[reader] for one in ten)
        hits.append(found)
    return hits


@dataclass(slots=True)
class PagesAt:
    """The time that the web pages believe it is."""

    now: datetime = datetime(2025, 5, 1, tzinfo=UTC)


@contextlib.contextmanager
def web_pages(world: Installation) -> Iterator[PagesAt]:
    """Serve the installation's pages, in a thread, at a time that can be set."""
    at = PagesAt()
    serving = web_server(world, world.pages(lambda: at.now))
    thread = threading.Thread(target=serving.run, name="web pages")
    thread.start()
    try:
        while not serving.started:
            if not thread.is_alive():
                raise SystemExit("the web pages did not start")
            time.sleep(0.02)
        yield at
    finally:
        serving.should_exit = True
        thread.join()


def show(results: Mapping[str, Result]) -> None:
    """Print the figures, a column for each server."""
    rows = [
        ("weekdays of May 2025", "days", ",d"),
        ("readers", "readers", ",d"),
        ("papers loaded", "papers_loaded", ",d"),
        ("mails sent", "mails_sent", ",d"),
        ("mails received", "mails_received", ",d"),
        ("papers sent", "papers_sent", ",d"),
        ("papers sent twice to one reader", "papers_sent_twice", ",d"),
        ("likes posted on the mails' links", "likes_posted", ",d"),
        ("papers of the lists, announced in these days", "list_papers_announced", ",d"),
        ("  of them in that day's ten", "hits", ",d"),
        (f"  the same, ten at random (mean of {DRAWS} draws)", "random_hits", ".1f"),
        ("  the most in any of these draws", "random_hits_most", ",d"),
        ("  digestbot's to random's", "ratio", ".1f"),
        ("seconds: loading", "load_seconds", ".1f"),
        ("seconds: composing and sending", "send_seconds", ".1f"),
        ("seconds: reading mails, posting likes", "like_seconds", ".1f"),
    ]
    print(f"{'':50}" + "".join(f"{name:>12}" for name in results))
    for label, name, form in rows:
        print(f"{label:50}" + "".join(f"{getattr(result, name):>12{form}}" for result in results.values()))
    print("At random: ten from the same window, without what this reader liked or was sent before in that draw.")


if __name__ == "__main__":
    sys.exit(main())
