"""One paper from two places is one paper: which rows that concerns, and how two rows become one.

An id that a paper once had stays behind as an alias, and everything that points at the paper goes
along, in the transaction of the caller.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import structlog

from digestbot.identifiers import keys_of, may_be_one
from digestbot.models import PaperId
from digestbot.store.sent import COUNTS_AS_SENT
from digestbot.store.values import list_text, list_value, paper_value

# What names a paper in the tables; paper_keys goes by itself where two papers share a key.
POINTING = ("ratings", "rating_events", "digest_items", "paper_revisions", "paper_aliases", "paper_keys")

log = structlog.get_logger()

_MOST_LINKS = 20
# The DOI of a proceedings, the title of a column: what more papers share names none of them.
_MOST_HOLDERS = 20
_RANKS = {"arxiv": 0, "doi": 1}
_FILLED = ("abstract", "authors", "categories", "url", "pdf_url", "doi", "comment")
_NOTHING = ("", "[]")


def rank(identifier: PaperId) -> int:
    """Return how good an id is, the best 0: arXiv's, then a DOI, then whatever else a source made up."""
    return _RANKS.get(identifier.partition(":")[0], len(_RANKS))


def is_given(identifier: PaperId) -> bool:
    """Return whether an id is one that somebody gives to papers, and not one that a source made up."""
    return rank(identifier) < len(_RANKS)


def own_id(connection: sqlite3.Connection, identifier: PaperId) -> PaperId | None:
    """Return the id of the paper that has or once had this one, ``None`` when there is no such paper."""
    row = connection.execute(
        "select id from papers where id = :id union all select paper_id from paper_aliases where alias = :id",
        {"id": identifier},
    ).fetchone()
    return str(row["id"]) if row else None


def sharing(
    connection: sqlite3.Connection, identifier: PaperId, keys: Sequence[str], *, stored: bool
) -> Iterator[PaperId]:
    """Yield the other papers that a paper with these keys may be one with: surest key first, then first loaded.

    A title that two others have names neither of them: which one it would be is a matter of what came first.
    ``stored`` says that the paper is in the store, with these keys among its own.
    """
    holders: defaultdict[PaperId, set[str]] = defaultdict(set)
    for key in keys:
        for other in _holders(connection, key, besides=identifier):
            holders[other].add(key)
    for other, shared in holders.items():
        # A title says less than an id: there, the DOIs that the two are known by must agree as well.
        by_title = all(key.startswith("title:") for key in shared)
        if by_title and sum(not shared.isdisjoint(theirs) for theirs in holders.values()) > 1:
            continue
        if not may_be_one(identifier, other, by_title=by_title):
            continue
        kinds = ("arxiv:", "doi:") if by_title else ("arxiv:",)
        own = _names(connection, identifier, kinds) if stored else {identifier, *_of_kinds(keys, kinds)}
        others = _names(connection, other, kinds)
        if all(may_be_one(one, two, by_title=by_title) for one in own for two in others):
            yield other


def _holders(connection: sqlite3.Connection, key: str, *, besides: PaperId) -> list[PaperId]:
    """Return the papers that have a key, first loaded first; none when there are too many."""
    rows = connection.execute(
        "select paper_id, papers.rowid as number from paper_keys join papers on papers.id = paper_id"
        " where key = ? and paper_id <> ? limit ?",
        (key, besides, _MOST_HOLDERS + 1),
    ).fetchall()
    if len(rows) > _MOST_HOLDERS:
        return []
    return [row["paper_id"] for row in sorted(rows, key=lambda row: int(row["number"]))]


def _names(connection: sqlite3.Connection, identifier: PaperId, kinds: tuple[str, ...]) -> set[str]:
    """Return the ids that a paper is known by: its own, its aliases, and those of some kinds among its keys."""
    aliases = connection.execute("select alias from paper_aliases where paper_id = ? order by alias", (identifier,))
    keys = connection.execute("select key from paper_keys where paper_id = ? order by key", (identifier,))
    return {identifier, *(row["alias"] for row in aliases), *_of_kinds((row["key"] for row in keys), kinds)}


def _of_kinds(keys: Iterable[str], kinds: tuple[str, ...]) -> list[str]:
    return [key for key in keys if key.startswith(kinds)]


def add_keys(connection: sqlite3.Connection, identifier: PaperId, keys: Sequence[str]) -> None:
    """Keep what other descriptions of this paper may share; never two arXiv ids for one paper of arXiv's."""
    connection.executemany(
        "insert into paper_keys (key, paper_id) values (?, ?) on conflict do nothing",
        [(key, identifier) for key in keys if not key.startswith("arxiv:") or may_be_one(key, identifier)],
    )


def add_own_keys(connection: sqlite3.Connection, identifier: PaperId) -> None:
    """Keep the keys of a paper as it stands, whose title and authors may come from different descriptions."""
    row = connection.execute("select * from papers where id = ?", (identifier,)).fetchone()
    add_keys(connection, identifier, keys_of(paper_value(row)))


def add_alias(connection: sqlite3.Connection, alias: PaperId, identifier: PaperId) -> None:
    """Keep another id of a paper."""
    connection.execute("insert into paper_aliases (alias, paper_id) values (?, ?)", (alias, identifier))


def add_links(known: Iterable[str], more: Iterable[str], *, url: str) -> tuple[str, ...]:
    """Return the pages of a paper besides ``url``, in the order they came, at most 20."""
    return tuple(link for link in dict.fromkeys([*known, *more]) if link and link != url)[:_MOST_LINKS]


def rename(connection: sqlite3.Connection, old: PaperId, new: PaperId) -> None:
    """Give a paper a better id; the old one becomes an alias."""
    # Between the two updates nothing fits; the end of the transaction looks whether all does.
    connection.execute("pragma defer_foreign_keys = on")
    connection.execute("update papers set id = ? where id = ?", (new, old))
    for table in POINTING:
        connection.execute(f"update {table} set paper_id = ? where paper_id = ?", (new, old))
    add_alias(connection, old, new)


def merge_all(connection: sqlite3.Connection, identifier: PaperId, keys: Sequence[str]) -> bool:
    """Make one paper of a stored one and of all that its keys show to be the same; return whether there were any."""
    merged = False
    while other := next(sharing(connection, identifier, keys, stored=True), None):
        identifier = merge(connection, identifier, other)
        merged = True
    return merged


def merge(connection: sqlite3.Connection, one: PaperId, other: PaperId) -> PaperId:
    """Make one paper of two, and return its id: the better one, else that of the paper loaded first."""
    rows = connection.execute("select papers.*, rowid from papers where id in (?, ?)", (one, other)).fetchall()
    keep, drop = sorted(rows, key=lambda row: (rank(row["id"]), row["rowid"]))
    _merge_texts(connection, keep, drop)
    _merge_digests(connection, keep, drop)
    _drop_repeats(connection, keep["id"])
    _merge_ratings(connection, keep["id"], drop["id"])
    _fill(connection, keep, drop)
    connection.execute("update paper_aliases set paper_id = ? where paper_id = ?", (keep["id"], drop["id"]))
    add_alias(connection, drop["id"], keep["id"])
    connection.execute("update or ignore paper_keys set paper_id = ? where paper_id = ?", (keep["id"], drop["id"]))
    connection.execute("delete from papers where id = ?", (drop["id"],))
    add_own_keys(connection, keep["id"])
    log.info("two papers are one", kept=keep["id"], other=drop["id"])
    return str(keep["id"])


def keep_text(connection: sqlite3.Connection, identifier: PaperId) -> None:
    """Keep the text of a paper before it changes: digests that were composed with it still show it."""
    connection.execute(
        "insert into paper_revisions"
        " (paper_id, revision, title, abstract, authors, categories, announced, url)"
        " select id, revision, title, abstract, authors, categories, announced, url from papers where id = ?",
        (identifier,),
    )


def _merge_texts(connection: sqlite3.Connection, keep: sqlite3.Row, drop: sqlite3.Row) -> None:
    # The texts of the one that goes become revisions behind those of the one that stays, whose text
    # of today comes behind them all.
    keep_text(connection, keep["id"])
    keep_text(connection, drop["id"])
    connection.execute(
        "update paper_revisions set paper_id = ?, revision = revision + ? where paper_id = ?",
        (keep["id"], keep["revision"], drop["id"]),
    )


def _merge_digests(connection: sqlite3.Connection, keep: sqlite3.Row, drop: sqlite3.Row) -> None:
    # The positions of the others stay: links in mails that went out name them.
    connection.execute(
        "delete from digest_items where paper_id in (:keep, :drop) and exists"
        " (select 1 from digest_items as earlier where earlier.digest_id = digest_items.digest_id"
        "  and earlier.paper_id in (:keep, :drop) and earlier.position < digest_items.position)",
        {"keep": keep["id"], "drop": drop["id"]},
    )
    connection.execute(
        "update digest_items set paper_id = ?, revision = revision + ? where paper_id = ?",
        (keep["id"], keep["revision"], drop["id"]),
    )


def _drop_repeats(connection: sqlite3.Connection, identifier: PaperId) -> None:
    """Take a paper out of the digests that wait where their reader was sent it with another one."""
    waiting = connection.execute(
        "select digest_id from digest_items join deliveries using (digest_id)"
        " where paper_id = :id and state in ('pending', 'deferred') and not uncertain and subscriber_id in"
        f" (select subscriber_id from digest_items join deliveries using (digest_id) where paper_id = :id"
        f"  and {COUNTS_AS_SENT})",
        {"id": identifier},
    ).fetchall()
    for (digest_id,) in waiting:
        connection.execute("delete from digest_items where digest_id = ? and paper_id = ?", (digest_id, identifier))
        connection.execute(
            "update deliveries set state = 'expired', smtp_text = 'all of it was sent before' where digest_id = :id"
            " and not exists (select 1 from digest_items where digest_id = :id)",
            {"id": digest_id},
        )


def _merge_ratings(connection: sqlite3.Connection, keep: PaperId, drop: PaperId) -> None:
    both = {"keep": keep, "drop": drop}
    # What was cleared under one id later than it was rated under the other is cleared.
    connection.execute(
        "delete from ratings where paper_id in (:keep, :drop) and exists"
        " (select 1 from rating_events as later where later.subscriber_id = ratings.subscriber_id and later.value = 0"
        "  and not later.left_out and later.paper_id in (:keep, :drop) and later.paper_id <> ratings.paper_id"
        "  and later.rated_at > ratings.rated_at)",
        both,
    )
    connection.execute(
        "delete from ratings where paper_id = :drop and exists"
        " (select 1 from ratings as kept where kept.subscriber_id = ratings.subscriber_id"
        "  and kept.paper_id = :keep and kept.rated_at >= ratings.rated_at)",
        both,
    )
    # What is left of the other's ratings is later than what it meets.
    connection.execute("update or replace ratings set paper_id = :keep where paper_id = :drop", both)
    connection.execute("update rating_events set paper_id = :keep where paper_id = :drop", both)


def _fill(connection: sqlite3.Connection, keep: sqlite3.Row, drop: sqlite3.Row) -> None:
    values = {name: drop[name] if keep[name] in _NOTHING else keep[name] for name in _FILLED}
    links = add_links(list_value(keep["links"]), (drop["url"], *list_value(drop["links"])), url=values["url"])
    connection.execute(
        "update papers set abstract = :abstract, authors = :authors, categories = :categories, url = :url,"
        " pdf_url = :pdf_url, doi = :doi, comment = :comment, upvotes = :upvotes, comment_count = :comment_count,"
        " links = :links, announced = :announced, loaded_at = :loaded_at, revision = :revision where id = :id",
        values
        | {
            "id": keep["id"],
            "upvotes": max(keep["upvotes"], drop["upvotes"]),
            "comment_count": max(keep["comment_count"], drop["comment_count"]),
            "links": list_text(links),
            "announced": min(keep["announced"], drop["announced"]),
            "loaded_at": min(keep["loaded_at"], drop["loaded_at"]),
            "revision": keep["revision"] + drop["revision"] + 1,
        },
    )
