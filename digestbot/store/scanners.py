"""Mail scanners that press every button of a mail: how their bursts are told from a person's clicks.

A scanner opens every link of a mail, with scripts, and submits the forms it finds. Nothing it sends says that it is
one, but its answers do: of every paper it says like, and of every paper it says dislike, within seconds.

Likes alone, however many and however fast, are a person's: ten in one form is how the page is meant to be used, and
one after the other is how somebody works who has opened ten links in ten tabs. No scanner follows the one link of a
paper and passes over the other, and what a person says must not be lost on a suspicion.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from digestbot.models import DISLIKE, LIKE, DigestId, PaperId
from digestbot.store.values import instant_value

log = structlog.get_logger()

# A browser in a sandbox takes some seconds a link, and may take the links one by one: a burst lasts until this much
# time passes without a change. Longer would cost clicks of people who read a mail the minute it comes.
QUIET = timedelta(seconds=30)
# Of one paper, like and then dislike is a person's second thought. Nobody has it of every paper there is, twice over.
FEWEST_PAPERS = 2
# A mail of 50 papers gives 200 changes when each button and each Undo is pressed. Whoever goes on for ever with a link
# that was passed on must not make every further click look at all of it.
_MOST_EVENTS = 1_000


def in_one_burst(one: datetime, next_one: datetime) -> bool:
    """Return whether no more than ``QUIET`` lies between two changes; a clock may have been set back between them."""
    return abs(next_one - one) <= QUIET


def presses_everything(
    papers: Collection[PaperId], burst: Iterable[tuple[PaperId, int]], before: Mapping[PaperId, int]
) -> bool:
    """Return whether a burst says both like and dislike of every one of a mail's papers, of ``FEWEST_PAPERS`` or more.

    ``before`` has the ratings from before the burst. Pressing what is marked already changes nothing and leaves no
    event, so one of such a paper is enough: the other way. Not of all papers: who liked a whole mail yesterday may
    turn all of it to dislikes today.
    """
    said: defaultdict[PaperId, set[int]] = defaultdict(set)
    for paper_id, value in burst:
        said[paper_id].add(value)
    both_ways = {LIKE, DISLIKE}
    pressed = [paper_id for paper_id in papers if both_ways <= said[paper_id]]
    return len(pressed) >= FEWEST_PAPERS and all(
        both_ways <= said[paper_id] | {before.get(paper_id, 0)} for paper_id in papers
    )


def leave_out(connection: sqlite3.Connection, digest_id: DigestId) -> list[PaperId]:
    """Leave out the newest burst of a mail when it is a scanner's; return the papers that it changed, else none.

    Their ratings are still the scanner's: the caller puts them back. A burst that was recognised and goes on is one
    burst, and recognised again.
    """
    burst = _newest_burst(connection, digest_id)
    if not {LIKE, DISLIKE} <= {event["value"] for event in burst}:
        return []
    first = burst[-1]
    papers = _papers(connection, digest_id)
    before = {paper_id: _counted_before(connection, paper_id, first) for paper_id in papers}
    if not presses_everything(papers, ((event["paper_id"], event["value"]) for event in burst), before):
        return []
    if not first["left_out"]:
        log.info("a mail scanner's ratings are left out", subscriber=first["subscriber_id"], events=len(burst))
    connection.executemany("update rating_events set left_out = 1 where id = ?", [(event["id"],) for event in burst])
    return sorted({event["paper_id"] for event in burst})


def _newest_burst(connection: sqlite3.Connection, digest_id: DigestId) -> list[sqlite3.Row]:
    """Return the events of a mail back to the last quiet, newest first."""
    burst: list[sqlite3.Row] = []
    for event in connection.execute(
        "select id, subscriber_id, paper_id, value, rated_at, left_out from rating_events where digest_id = ?"
        " order by id desc limit ?",
        (digest_id, _MOST_EVENTS),
    ):
        if burst and not in_one_burst(instant_value(event["rated_at"]), instant_value(burst[-1]["rated_at"])):
            break
        burst.append(event)
    return burst


def _papers(connection: sqlite3.Connection, digest_id: DigestId) -> list[PaperId]:
    rows = connection.execute("select paper_id from digest_items where digest_id = ? order by position", (digest_id,))
    return [row["paper_id"] for row in rows]


def _counted_before(connection: sqlite3.Connection, paper_id: PaperId, first: sqlite3.Row) -> int:
    row = connection.execute(
        "select value from rating_events where subscriber_id = ? and paper_id = ? and id < ? and not left_out"
        " order by id desc limit 1",
        (first["subscriber_id"], paper_id, first["id"]),
    ).fetchone()
    return int(row["value"]) if row else 0
