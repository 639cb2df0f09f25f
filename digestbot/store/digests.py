"""Digests as composed, and what each subscriber has been sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from digestbot.models import (
    Delivery,
    Digest,
    DigestId,
    DigestItem,
    PaperId,
    Reason,
    SubscriberId,
)
from digestbot.store.database import Database
from digestbot.store.sent import COUNTS_AS_SENT
from digestbot.store.values import instant_text, instant_value, paper_value

_MANY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a subscriber has had: how many digests, and the day of the newest that went out, ``None`` if none did."""

    digests: int
    last_delivered: date | None


class Digests:
    """Digests, unique per subscriber and local day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, composed: Iterable[tuple[Digest, Delivery]]) -> list[DigestId]:
        """Store digests with their deliveries and return the ids of those that are new.

        One that another program composed meanwhile stays as it is. A digest replaces the
        subscriber's older ones that have not gone out, and the mail that says that there is none: those
        expire, or, when they may have arrived, are held. A digest with a paper that another program sent
        meanwhile, or found to be one with another paper, is not stored: the subscriber stays due.
        """
        # In the order of ids, in which they are put into the tables the quickest.
        asked = [one for _, one in sorted({one[0].id: one for one in composed}.items())]
        # Before others have to wait.
        rows = {digest.id: _Rows.of(digest) for digest, _ in asked}
        papers = {digest.id: {item.paper.id for item in digest.items} for digest, _ in asked}
        with self._database.write("full") as connection:
            taken = _taken(connection, [digest.id for digest, _ in asked])
            there = _own_ids(connection, set().union(*papers.values()))
            sent = _sent_elsewhere(connection, [digest for digest, _ in asked])
            new = [
                (digest, delivery)
                for digest, delivery in asked
                if digest.id not in taken
                and papers[digest.id] <= there
                and papers[digest.id].isdisjoint(sent[digest.id])
            ]
            known = _days_of(connection, [digest for digest, _ in new])
            new = [one for one in new if (one[0].subscriber_id, one[0].local_day.isoformat()) not in known]
            _insert(connection, [rows[digest.id] for digest, _ in new])
            _expire_older(connection, [digest for digest, _ in new])
            insert_deliveries(connection, [delivery for _, delivery in new])
        return [digest.id for digest, _ in new]

    def find(self, identifier: DigestId) -> Digest | None:
        """Return a digest with the texts it was composed with, ``None`` when there is none.

        Its papers have the ids that they have now, and those that the mail shows. Where two of them became one, the
        first place holds it, and the other position is empty.
        """
        row = self._database.row("select * from digests where id = ?", (identifier,))
        if row is None:
            return None
        # In one statement with the older texts: a load may merge papers at this moment.
        items = self._database.rows(
            "select position, shown_id, score, reason, digest_items.revision, papers.id, digest_items.upvotes,"
            " coalesce(old.title, papers.title) as title, coalesce(old.abstract, papers.abstract) as abstract,"
            " coalesce(old.authors, papers.authors) as authors,"
            " coalesce(old.categories, papers.categories) as categories,"
            " coalesce(old.announced, papers.announced) as announced, coalesce(old.url, papers.url) as url,"
            " papers.pdf_url, papers.doi, papers.comment, papers.comment_count, papers.links"
            " from digest_items join papers on papers.id = digest_items.paper_id"
            " left join paper_revisions as old"
            " on old.paper_id = papers.id and old.revision = digest_items.revision"
            " where digest_id = ? order by position",
            (identifier,),
        )
        return Digest(
            id=row["id"],
            subscriber_id=row["subscriber_id"],
            local_day=date.fromisoformat(row["local_day"]),
            composed_at=instant_value(row["composed_at"]),
            number=row["number"],
            considered=row["considered"],
            days=row["days"],
            language=row["language"],
            last_delivered=date.fromisoformat(row["last_delivered"]) if row["last_delivered"] else None,
            items=tuple(_item(item) for item in items),
        )

    def last_day(self, subscriber_id: SubscriberId) -> date | None:
        """Return the local day of the newest digest, ``None`` before the first."""
        row = self._database.row("select max(local_day) from digests where subscriber_id = ?", (subscriber_id,))
        return date.fromisoformat(row[0]) if row and row[0] else None

    def histories(self, subscribers: Sequence[SubscriberId], *, before: date) -> dict[SubscriberId, History]:
        """Return what these subscribers have had of days before ``before``."""
        found: dict[SubscriberId, History] = {}
        for start in range(0, len(subscribers), _MANY):
            rows = self._database.rows(
                "select value as id,"
                " (select count(*) from digests where subscriber_id = value and local_day < :before) as many,"
                " (select local_day from digests join deliveries on deliveries.digest_id = digests.id"
                f" where digests.subscriber_id = value and local_day < :before and {COUNTS_AS_SENT}"
                " order by local_day desc limit 1) as last"
                " from json_each(:ids)",
                {"before": before.isoformat(), "ids": json.dumps(subscribers[start : start + _MANY])},
            )
            for row in rows:
                found[row["id"]] = History(
                    digests=row["many"], last_delivered=date.fromisoformat(row["last"]) if row["last"] else None
                )
        return found

    def sent_papers(self, subscribers: Sequence[SubscriberId], *, since: date) -> dict[SubscriberId, set[PaperId]]:
        """Return the papers that these subscribers have been sent, or may have been, in digests of ``since`` or later.

        A paper announced since then cannot have been in an earlier digest.
        """
        found: dict[SubscriberId, set[PaperId]] = {identifier: set() for identifier in subscribers}
        for start in range(0, len(subscribers), _MANY):
            rows = self._database.rows(
                "select digests.subscriber_id, paper_id from json_each(:ids)"
                " join digests on digests.subscriber_id = value and local_day >= :since"
                f" join deliveries on deliveries.digest_id = digests.id and {COUNTS_AS_SENT}"
                " join digest_items on digest_items.digest_id = digests.id",
                {"since": since.isoformat(), "ids": json.dumps(subscribers[start : start + _MANY])},
            )
            for subscriber, paper in rows:
                found[subscriber].add(paper)
        return found


def _item(row: sqlite3.Row) -> DigestItem:
    reason = json.loads(row["reason"])
    return DigestItem(
        position=row["position"],
        # The upvotes among it are those of the day of composing: a mail that is sent again must say the same.
        paper=paper_value(row),
        shown_id=row["shown_id"],
        score=row["score"],
        reason=Reason(kind=reason["kind"], terms=tuple(reason["terms"]), amounts=tuple(reason.get("amounts", ()))),
    )


def _taken(connection: sqlite3.Connection, ids: Sequence[DigestId]) -> set[DigestId]:
    """Return those of the ids that digests have, whoever's they are."""
    rows = connection.execute("select id from digests where id in (select value from json_each(?))", (json.dumps(ids),))
    return {row["id"] for row in rows}


def _own_ids(connection: sqlite3.Connection, ids: set[PaperId]) -> set[PaperId]:
    """Return those of the ids that papers have now."""
    rows = connection.execute(
        "select id from papers where id in (select value from json_each(?))", (json.dumps(sorted(ids)),)
    )
    return {row["id"] for row in rows}


def _sent_elsewhere(connection: sqlite3.Connection, digests: Sequence[Digest]) -> dict[DigestId, set[PaperId]]:
    """Return for each digest the papers that its subscriber has been sent in others."""
    # As in sent_papers: only in digests since the first of the papers was announced.
    since = min((item.paper.announced for digest in digests for item in digest.items), default=date.max)
    found: dict[DigestId, set[PaperId]] = {digest.id: set() for digest in digests}
    rows = connection.execute(
        "select asked.value as mine, paper_id from json_each(:ids) as asked"
        " join digests on digests.subscriber_id = asked.key and digests.id <> asked.value and local_day >= :since"
        f" join deliveries on deliveries.digest_id = digests.id and {COUNTS_AS_SENT}"
        " join digest_items on digest_items.digest_id = digests.id",
        {
            "ids": json.dumps({str(digest.subscriber_id): digest.id for digest in digests}),
            "since": since.isoformat(),
        },
    )
    for mine, paper in rows:
        found[mine].add(paper)
    return found


def _days_of(connection: sqlite3.Connection, digests: Sequence[Digest]) -> set[tuple[SubscriberId, str]]:
    """Return for which days the subscribers of these digests have one already, among the digests' days."""
    rows = connection.execute(
        "select subscriber_id, local_day from json_each(:ids) as asked"
        " join digests on subscriber_id = asked.value and local_day >= :since",
        {
            "ids": json.dumps([digest.subscriber_id for digest in digests]),
            "since": min((digest.local_day for digest in digests), default=date.max).isoformat(),
        },
    )
    return {(row[0], row[1]) for row in rows}


@dataclass(frozen=True, slots=True)
class _Rows:
    """A digest as it stands in the tables."""

    digest: tuple[object, ...]
    items: list[tuple[object, ...]]

    @classmethod
    def of(cls, digest: Digest) -> _Rows:
        return cls(
            (
                digest.id,
                digest.subscriber_id,
                digest.local_day.isoformat(),
                instant_text(digest.composed_at),
                digest.number,
                digest.considered,
                digest.days,
                digest.language,
                digest.last_delivered.isoformat() if digest.last_delivered else None,
            ),
            [
                (
                    digest.id,
                    item.position,
                    item.paper.id,
                    item.shown_id,
                    item.paper.revision,
                    item.paper.upvotes,
                    item.score,
                    _reason_text(item.reason),
                )
                for item in digest.items
            ],
        )


def _insert(connection: sqlite3.Connection, rows: Sequence[_Rows]) -> None:
    connection.executemany(
        "insert into digests"
        " (id, subscriber_id, local_day, composed_at, number, considered, days, language, last_delivered)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [one.digest for one in rows],
    )
    connection.executemany(
        "insert into digest_items (digest_id, position, paper_id, shown_id, revision, upvotes, score, reason)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [item for one in rows for item in one.items],
    )


def _reason_text(reason: Reason) -> str:
    """Return a reason as JSON; its few texts come again and again."""
    terms, amounts = ", ".join(map(_json_string, reason.terms)), ", ".join(map(repr, reason.amounts))
    return f'{{"kind": "{reason.kind}", "terms": [{terms}], "amounts": [{amounts}]}}'


@lru_cache(maxsize=100_000)
def _json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _expire_older(connection: sqlite3.Connection, digests: Sequence[Digest]) -> None:
    for digest in digests[:1]:
        connection.execute(
            "update deliveries set state = iif(uncertain, 'held', 'expired'),"
            " smtp_text = 'replaced by a later digest', changed_at = :now"
            " where subscriber_id in (select value from json_each(:subscribers)) and kind in ('digest', 'quiet')"
            " and state in ('pending', 'deferred')"
            " and coalesce(digest_id, 0) not in (select value from json_each(:digests))",
            {
                "now": instant_text(digest.composed_at),
                "subscribers": json.dumps([one.subscriber_id for one in digests]),
                "digests": json.dumps([one.id for one in digests]),
            },
        )


def insert_deliveries(connection: sqlite3.Connection, deliveries: Iterable[Delivery]) -> None:
    """Put mails into the outbox; one with the same kind and key stays as it is."""
    connection.executemany(
        "insert into deliveries (kind, key, subscriber_id, digest_id, address, message_id, details, state,"
        " next_at, created_at, changed_at) values (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)"
        " on conflict (kind, key) do nothing",
        [
            (
                delivery.kind,
                delivery.key,
                delivery.subscriber_id,
                delivery.digest_id,
                delivery.address,
                delivery.message_id,
                delivery.details,
                *[instant_text(delivery.created_at)] * 3,
            )
            for delivery in deliveries
        ],
    )
