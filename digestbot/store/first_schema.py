"""The tables as the first version made them. What came to them since stands in the later migrations."""

FIRST = """
create table papers (
    id text primary key,
    title text not null check (title <> ''),
    abstract text not null,
    authors text not null,
    categories text not null,
    announced text not null,
    url text not null,
    pdf_url text not null,
    doi text not null,
    comment text not null,
    upvotes integer not null,
    revision integer not null,
    loaded_at text not null
) strict;
create index papers_announced on papers (announced, id);

create table paper_revisions (
    paper_id text not null references papers (id),
    revision integer not null,
    title text not null,
    abstract text not null,
    authors text not null,
    categories text not null,
    url text not null,
    primary key (paper_id, revision)
) strict, without rowid;

create table subscribers (
    id integer primary key,
    email text not null,
    state text not null check (state in ('pending', 'active', 'paused', 'unsubscribed', 'bounced')),
    timezone text,
    send_at text,
    days text,
    papers integer check (papers between 1 and 50),
    categories text not null,
    created_at text not null,
    changed_at text not null
) strict;
create unique index subscribers_email on subscribers (lower(email));
create index subscribers_state on subscribers (state, id);

create table ratings (
    subscriber_id integer not null references subscribers (id) on delete cascade,
    paper_id text not null references papers (id),
    value integer not null check (value in (1, -1)),
    rated_at text not null,
    primary key (subscriber_id, paper_id)
) strict, without rowid;

create table rating_events (
    id integer primary key,
    subscriber_id integer not null references subscribers (id) on delete cascade,
    paper_id text not null references papers (id),
    value integer not null check (value in (1, 0, -1)),
    rated_at text not null,
    origin text not null check (origin in ('cli', 'mail')),
    digest_id integer
) strict;
create index rating_events_subscriber on rating_events (subscriber_id, rated_at);

create table digests (
    id integer primary key,
    subscriber_id integer not null references subscribers (id) on delete cascade,
    local_day text not null,
    composed_at text not null,
    number integer not null,
    considered integer not null,
    days text not null,
    unique (subscriber_id, local_day)
) strict;

create table digest_items (
    digest_id integer not null references digests (id) on delete cascade,
    position integer not null,
    paper_id text not null references papers (id),
    revision integer not null,
    upvotes integer not null,
    score real not null,
    reason text not null,
    primary key (digest_id, position),
    unique (digest_id, paper_id)
) strict, without rowid;

create table deliveries (
    id integer primary key,
    kind text not null,
    key text not null,
    subscriber_id integer not null references subscribers (id) on delete cascade,
    digest_id integer references digests (id) on delete cascade,
    address text not null,
    message_id text not null unique,
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
    unique (kind, key)
) strict;
create index deliveries_state on deliveries (state);
create index deliveries_waiting on deliveries (state = 'deferred', kind = 'digest', next_at, id)
    where state in ('pending', 'deferred');
create index deliveries_digest on deliveries (digest_id);
create index deliveries_subscriber on deliveries (subscriber_id, state);

create table suppressions (
    address_hash text primary key,
    reason text not null,
    created_at text not null
) strict, without rowid;

create table loads (
    id integer primary key,
    source text not null,
    started_at text not null,
    finished_at text not null,
    received integer not null,
    new integer not null,
    updated integer not null,
    skipped integer not null,
    error text not null default ''
) strict;
create index loads_source on loads (source, started_at);
"""
