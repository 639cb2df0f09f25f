"""The tables, as migrations that are only ever added to.

``papers``, ``subscribers``, ``ratings``, ``rating_events``, ``digests``, ``deliveries``,
``suppressions`` and ``loads`` are public contract; the other columns are ours.
"""

from __future__ import annotations

from sqlite_utils import Database as SqliteDatabase
from sqlite_utils import Migrations

from digestbot.errors import StoreError
from digestbot.identifiers import keys_of
from digestbot.store import bounce_schema, merging, search_schema
from digestbot.store.first_schema import FIRST
from digestbot.store.values import paper_value

# "dgst": says in the file's header that the database is ours (SQLite's application_id).
APPLICATION_ID = 0x64677374

migrations = Migrations("digestbot")


# Nothing refers to the two tables that are made anew, so dropping the old ones breaks no reference.
_PLACES = """
alter table papers add column comment_count integer not null default 0;
alter table papers add column links text not null default '[]';

create table paper_keys (
    key text not null,
    paper_id text not null references papers (id) on delete cascade,
    primary key (key, paper_id)
) strict, without rowid;
create index paper_keys_paper on paper_keys (paper_id);

create table paper_aliases (
    alias text primary key,
    paper_id text not null references papers (id) on delete cascade
) strict, without rowid;
create index paper_aliases_paper on paper_aliases (paper_id);

alter table paper_revisions add column announced text not null default '';
update paper_revisions set announced = (select announced from papers where id = paper_id);

create index ratings_paper on ratings (paper_id);
create index rating_events_paper on rating_events (paper_id);

create table digest_items_new (
    digest_id integer not null references digests (id) on delete cascade,
    position integer not null,
    paper_id text not null references papers (id),
    shown_id text not null,
    revision integer not null,
    upvotes integer not null,
    score real not null,
    reason text not null,
    primary key (digest_id, position),
    unique (paper_id, digest_id)
) strict, without rowid;
insert into digest_items_new (digest_id, position, paper_id, shown_id, revision, upvotes, score, reason)
    select digest_id, position, paper_id, paper_id, revision, upvotes, score, reason from digest_items;
drop table digest_items;
alter table digest_items_new rename to digest_items;

create table deliveries_new (
    id integer primary key,
    kind text not null,
    key text not null,
    subscriber_id integer references subscribers (id) on delete cascade,
    digest_id integer references digests (id) on delete cascade,
    address text not null,
    message_id text not null unique,
    details text not null default '',
    state text not null check (state in
        ('pending', 'sending', 'sent', 'deferred', 'held', 'expired', 'failed', 'bounced')),
    attempts integer not null default 0,
    next_at text not null,
    owner text,
    bytes_hash text,
    uncertain integer not null default 0,
    smtp_code integer,
    smtp_text text not null default '',
    created_at text not null,
    changed_at text not null,
    sent_at text,
    unique (kind, key),
    check (subscriber_id is not null or kind = 'alert')
) strict;
insert into deliveries_new (id, kind, key, subscriber_id, digest_id, address, message_id, state, attempts, next_at,
        owner, bytes_hash, uncertain, smtp_code, smtp_text, created_at, changed_at, sent_at)
    select id, kind, key, subscriber_id, digest_id, address, message_id, state, attempts, next_at,
        owner, bytes_hash, uncertain, smtp_code, smtp_text, created_at, changed_at, sent_at from deliveries;
drop table deliveries;
alter table deliveries_new rename to deliveries;
create index deliveries_state on deliveries (state);
create index deliveries_waiting on deliveries (state = 'deferred', kind = 'digest', next_at, id)
    where state in ('pending', 'deferred');
create index deliveries_digest on deliveries (digest_id);
create index deliveries_subscriber on deliveries (subscriber_id, state);

alter table loads add column asked text not null default '';
alter table loads add column cursor text not null default '';
alter table loads add column newest text;
alter table loads add column behind text not null default '';
"""

_INTERESTS = """
alter table subscribers add column follows text not null default '[]';
alter table subscribers add column mutes text not null default '[]';

create index rating_events_digest on rating_events (digest_id, id) where digest_id is not null;
"""

# What was composed before there were others is in English, and goes out so.
_LANGUAGES = """
alter table subscribers add column language text not null default '';
alter table digests add column language text not null default 'en';
"""

_RATES = """
create table rates (
    name text primary key,
    tokens real not null,
    at text not null,
    slow real,
    fast real,
    slowed_at text
) strict, without rowid;
alter table deliveries add column domain text
    generated always as (lower(substr(address, instr(address, '@') + 1))) virtual;
"""

_PAUSED = """
alter table subscribers add column was_paused integer not null default 0;
"""

# Until then what led to it stood behind the server's words, and words that were too long lost it.
_CAUSES = """
create table suppressions_new (
    address_hash text primary key,
    cause text not null check (cause in ('hard', 'soft', 'complaint', 'admin', 'import')),
    reason text not null,
    created_at text not null
) strict, without rowid;
insert into suppressions_new (address_hash, cause, reason, created_at)
    select address_hash, case
            when reason like '%complaint' or reason like '%complaint)' then 'complaint'
            when reason like '%days of bounces' or reason like '%days of bounces)' then 'soft'
            when reason like '%bounce' or reason like '%bounce)' or reason glob '[45][0-9.]*' then 'hard'
            when reason = 'imported as bounced' then 'import'
            else 'admin' end,
        reason, created_at from suppressions;
drop table suppressions;
alter table suppressions_new rename to suppressions;
"""

# What tells a list after a pause from others.
_LAST_DELIVERED = """
alter table digests add column last_delivered text;
"""

# What could not be written goes last, so that it keeps nothing else from going out.
_UNWRITTEN = """
alter table deliveries add column unwritten integer not null default 0;
"""


@migrations()
def m001_first_tables(db: SqliteDatabase) -> None:
    """Everything that the first version keeps."""
    _run(db, FIRST)


@migrations()
def m002_one_paper_from_many_places(db: SqliteDatabase) -> None:
    """What shows that two descriptions are of one paper; what a load asked for; mails to the admin.

    Papers that this shows to be one are merged, as if they came in again in the order in which they came first.
    """
    _run(db, _PLACES)
    _add_left_out(db)
    for (identifier,) in db.execute("select id from papers order by rowid").fetchall():
        row = db.execute("select * from papers where id = ?", (identifier,)).fetchone()
        try:
            keys = keys_of(paper_value(row))
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"the row of paper {identifier} in the database cannot be read ({error});"
                " restore a backup, or repair the row"
            ) from error
        merging.add_keys(db.conn, identifier, keys)
        merging.merge_all(db.conn, identifier, keys)


@migrations()
def m003_follows_and_events_of_scanners(db: SqliteDatabase) -> None:
    """What a subscriber follows and mutes; which events were of a program that presses every button."""
    _run(db, _INTERESTS)
    _add_left_out(db)


@migrations()
def m004_words_of_papers(db: SqliteDatabase) -> None:
    """The index that papers are searched by, of all papers that there are."""
    search_schema.create(db.conn)


@migrations()
def m005_words_of_papers_at_once(db: SqliteDatabase) -> None:
    """The index takes in what is new at the end of a load.

    Some databases have it so from the fourth migration, as it was for a while.
    """
    search_schema.take_in_at_once(db.conn)


@migrations()
def m006_languages(db: SqliteDatabase) -> None:
    """The language that a subscriber chose, empty for the installation's; what language a digest was composed in."""
    _run(db, _LANGUAGES)


@migrations()
def m007_bounces(db: SqliteDatabase) -> None:
    """The points that addresses have for mails that came back for a while."""
    bounce_schema.create(db.conn)


@migrations()
def m008_rates(db: SqliteDatabase) -> None:
    """How many mails may go out now, and whose server a mail is for."""
    _run(db, _RATES)


@migrations()
def m009_who_left_while_paused(db: SqliteDatabase) -> None:
    """Whether somebody was paused before they left, so that they can take that back."""
    _run(db, _PAUSED)


@migrations()
def m010_causes_of_suppressions(db: SqliteDatabase) -> None:
    """What led to each suppression."""
    _run(db, _CAUSES)


@migrations()
def m011_last_delivered(db: SqliteDatabase) -> None:
    """When the reader of a digest had the one before."""
    _run(db, _LAST_DELIVERED)


@migrations()
def m012_unwritten(db: SqliteDatabase) -> None:
    """Which mails could not be written."""
    _run(db, _UNWRITTEN)


def _add_left_out(db: SqliteDatabase) -> None:
    # Merging, which the second migration does as today's program does it, looks at it.
    if "left_out" not in {row[1] for row in db.execute("pragma table_info(rating_events)").fetchall()}:
        db.execute("alter table rating_events add column left_out integer not null default 0")


def _run(db: SqliteDatabase, script: str) -> None:
    # Not executescript: it would end the transaction that the migration runs in.
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)
