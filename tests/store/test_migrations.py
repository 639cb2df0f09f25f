"""A database that an older digestbot made comes up with everything that was in it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database as SqliteDatabase

from digestbot.errors import StoreError
from digestbot.models import LIKE, DeliveryKind, DeliveryState, Reason
from digestbot.store import Defaults, LoadHistory, Store, Within
from digestbot.store.query import parse
from digestbot.store.schema import APPLICATION_ID, migrations
from digestbot.store.suppressions import Cause
from tests.factories import DAY, NOW, described, load, new_store, paper
from tests.store.scenes import EVER, claim, sent_papers

MOMENT = "2025-05-27T08:00:00.000000Z"
PAPERS = ("arxiv:2505.00001", "doi:10.5555/1")
OLD_ROWS = f"""
insert into papers values ('arxiv:2505.00001', 'Counting what the index forgets, part 1', 'Second text.',
    '["Zoë Quill", "Bela Vane"]', '["cs.IR"]', '2025-05-27', 'https://arxiv.org/abs/2505.00001', '', '', '4 pages', 7,
    2, '{MOMENT}');
insert into papers values ('doi:10.5555/1', 'What the index forgets (1)', '', '["Zoë Quill"]', '[]', '2025-05-26',
    'https://doi.org/10.5555/1', '', '10.5555/1', '', 0, 1, '{MOMENT}');
insert into paper_revisions values ('arxiv:2505.00001', 1, 'Counting', 'First text.', '["Zoë Quill"]', '["cs.IR"]',
    'https://arxiv.org/abs/2505.00001');
insert into subscribers values (1, 'ada@example.org', 'active', null, null, null, null, '[]', '{MOMENT}', '{MOMENT}');
insert into ratings values (1, 'arxiv:2505.00001', 1, '{MOMENT}');
insert into rating_events values (5, 1, 'arxiv:2505.00001', 1, '{MOMENT}', 'mail', 70);
insert into digests values (70, 1, '2025-05-27', '{MOMENT}', 3, 40, 'daily');
insert into digest_items values (70, 1, 'arxiv:2505.00001', 1, 4, 0.5, '{{"kind": "terms", "terms": ["index"]}}');
insert into digest_items values (70, 2, 'doi:10.5555/1', 1, 0, 0.25, '{{"kind": "trending", "terms": []}}');
insert into deliveries values (9, 'digest', '70', 1, 70, 'ada@example.org', '<9@example.org>', 'deferred', 2,
    '{MOMENT}', null, 'abc', 1, 451, 'later', '{MOMENT}', '{MOMENT}', null);
insert into deliveries values (8, 'confirm', '1', 1, null, 'ada@example.org', '<8@example.org>', 'sent', 1,
    '{MOMENT}', null, null, 0, 250, 'taken', '{MOMENT}', '{MOMENT}', '{MOMENT}');
insert into suppressions values ('a hash', '550', '{MOMENT}');
insert into loads values (3, 'arxiv', '{MOMENT}', '{MOMENT}', 2, 2, 0, 0, '');
"""
# What the first version had and this one keeps as it was.
KEPT = {
    "papers": "id, title, abstract, authors, categories, announced, url, pdf_url, doi, comment, upvotes, revision",
    "paper_revisions": "paper_id, revision, title, abstract, authors, categories, url",
    "subscribers": "id, email, state, timezone, send_at, days, papers, categories, created_at, changed_at",
    "ratings": "*",
    "rating_events": "id, subscriber_id, paper_id, value, rated_at, origin, digest_id",
    "digests": "id, subscriber_id, local_day, composed_at, number, considered, days",
    "digest_items": "digest_id, position, paper_id, revision, upvotes, score, reason",
    "deliveries": "id, kind, key, subscriber_id, digest_id, address, message_id, state, attempts, next_at, owner,"
    " bytes_hash, uncertain, smtp_code, smtp_text, created_at, changed_at, sent_at",
    "suppressions": "address_hash, reason, created_at",
    "loads": "id, source, started_at, finished_at, received, new, updated, skipped, error",
}


def rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"select {columns} from {table} order by 1, 2").fetchall()
            for table, columns in KEPT.items()
        }


def older(path: Path, *, stop_before: str | None, script: str = "") -> Path:
    """Make a database as it was before a migration, and run a script on it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma foreign_keys = on")
        migrations.apply(SqliteDatabase(connection), stop_before=stop_before)
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.executescript(script)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The first version's database, with a row or two in every table."""
    return older(tmp_path / "digestbot.sqlite", stop_before="m002_one_paper_from_many_places", script=OLD_ROWS)


@pytest.fixture
def store(old: Path) -> Iterator[Store]:
    opened = new_store(old)
    yield opened
    opened.close()


def test_a_database_of_the_first_version_keeps_every_row(old: Path) -> None:
    before = rows(old)
    assert all(before.values())
    new_store(old).close()
    assert rows(old) == before
    new_store(old).close()
    assert rows(old) == before


def test_no_reference_is_broken_and_deletions_still_go_through(store: Store) -> None:
    assert store.database.rows("pragma foreign_key_check") == []
    with store.database.write() as connection:
        connection.execute("delete from subscribers")
    for table in ("ratings", "rating_events", "digests", "digest_items", "deliveries"):
        assert [tuple(row) for row in store.database.rows(f"select count(*) from {table}")] == [(0,)], table


@pytest.mark.parametrize(
    "sql",
    [
        "update deliveries set kind = 'digest', key = '70' where id = 8",
        "update deliveries set message_id = '<8@example.org>'",
        "update deliveries set state = 'lost'",
        "update deliveries set digest_id = 71 where id = 9",
        "update digest_items set paper_id = 'arxiv:2505.00001'",
        "update digest_items set paper_id = 'x:1' where position = 1",
        "update digest_items set digest_id = 71",
    ],
)
def test_the_tables_made_anew_refuse_what_the_old_ones_refused(store: Store, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.database.write() as connection:
        connection.execute(sql)


def add_papers(path: Path, *papers: tuple[str, str, str, str]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executemany(
            f"insert into papers values (?, ?, '', ?, '[]', '2025-05-28', '', '', ?, '', 0, 1, '{MOMENT}')", papers
        )


def test_papers_of_the_first_version_that_are_one_become_one(old: Path) -> None:
    work = described()
    add_papers(
        old,
        (work["feed"].id, work["feed"].title, '["Quill, Z."]', ""),
        (work["hub"].id, "As the hub words it", '["Ada Vane"]', work["hub"].doi),
    )
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("insert into ratings values (1, ?, -1, ?)", (work["feed"].id, MOMENT.replace("T08", "T09")))
        connection.execute("insert into digest_items values (70, 3, ?, 1, 0, 0.1, '{}')", (work["hub"].id,))
    with closing(new_store(old)) as store:
        ids = [work["feed"].id, work["hub"].id]
        assert store.papers.resolve(ids) == dict.fromkeys(ids, PAPERS[0])
        assert store.papers.count() == 2
        assert [(rating.paper_id, rating.value) for rating in store.ratings.of([1])[1]] == [(PAPERS[0], -1)]
        assert sent_papers(store, 1) == set(PAPERS)
        assert store.database.rows("pragma foreign_key_check") == []


def test_a_paper_of_the_first_version_does_not_get_the_arxiv_id_of_another(old: Path) -> None:
    add_papers(old, ("arxiv:2505.00002", "A title of its own words", '["Cy Rill"]', "10.48550/arXiv.2505.00003"))
    with closing(new_store(old)) as store:
        sql = "select key from paper_keys where paper_id = ? and key like 'arxiv:%'"
        assert [row["key"] for row in store.database.rows(sql, ("arxiv:2505.00002",))] == ["arxiv:2505.00002"]


@pytest.mark.parametrize("authors", ["oops", "7"])
def test_a_row_that_cannot_be_read_is_said_and_everything_stays(old: Path, authors: str) -> None:
    add_papers(old, ("x:1", "Owls", authors, ""))
    before = rows(old)
    with pytest.raises(StoreError, match="the row of paper x:1 in the database cannot be read"):
        new_store(old)
    assert rows(old) == before


def test_old_digests_and_deliveries_read_as_before(store: Store) -> None:
    made = store.digests.find(70)
    assert made is not None
    first, second = made.items
    assert (first.paper.title, first.paper.abstract, first.paper.upvotes, first.paper.revision) == (
        "Counting",
        "First text.",
        4,
        1,
    )
    assert (first.paper.announced, first.paper.links, first.reason.terms) == (DAY, (), ("index",))
    assert (first.shown_id, second.shown_id) == PAPERS
    assert (second.paper.id, second.reason) == (PAPERS[1], Reason(kind="trending"))
    # It may have arrived, so it counts as sent.
    assert sent_papers(store, 1) == set(PAPERS)
    [waiting] = claim(store, 9, NOW)
    assert (waiting.id, waiting.attempts, waiting.bytes_hash, waiting.details) == (9, 3, "abc", "")
    assert store.outbox.find(DeliveryKind.CONFIRM, "1") is not None
    assert store.outbox.counts() == {DeliveryState.SENDING: 1, DeliveryState.SENT: 1}


def test_who_was_there_before_there_were_languages_reads_the_installations(old: Path) -> None:
    with closing(new_store(old, Defaults(language="de"))) as store:
        assert store.subscribers.get(1).language == "de"
        # What was composed then goes out as it was.
        made = store.digests.find(70)
        assert made is not None
        assert made.language == "en"


def test_papers_of_the_first_version_are_found_by_what_they_share(store: Store) -> None:
    work = described()
    added = store.papers.add([work["feed"], work["hub"]], NOW)
    assert (added.new, added.updated) == (0, 2)
    assert store.papers.resolve([work["feed"].id, work["hub"].id]) == {
        work["feed"].id: PAPERS[0],
        work["hub"].id: PAPERS[0],
    }
    store.papers.add([work["arxiv"]], NOW + timedelta(hours=1))
    assert store.papers.resolve([PAPERS[1]]) == {PAPERS[1]: PAPERS[0]}
    assert store.ratings.record(1, {PAPERS[1]: LIKE}, now=NOW, origin="cli") == {}
    assert store.papers.count() == 1
    assert store.papers.add([paper(2)], NOW).new == 1


def test_loads_of_the_first_version_count(store: Store) -> None:
    assert store.loads.history("arxiv", EVER) == LoadHistory(last_started=NOW, last_success=NOW, last_new=NOW, loads=1)
    store.loads.record(load("arxiv", started_at=NOW + timedelta(hours=1)))
    assert (store.loads.history("arxiv", EVER).loads, store.loads.cursor("arxiv")) == (2, "")


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("5.1.1 nobody here (bounce)", Cause.HARD),
        ("bounce", Cause.HARD),
        ("550 5.1.1 word word", Cause.HARD),
        ("552 full (5 days of bounces)", Cause.SOFT),
        ("5 days of bounces", Cause.SOFT),
        ("complaint", Cause.COMPLAINT),
        ("abuse (complaint)", Cause.COMPLAINT),
        ("by hand", Cause.ADMIN),
        ("imported as bounced", Cause.IMPORT),
    ],
)
def test_what_led_to_a_suppression_is_told_by_what_was_kept_of_it(tmp_path: Path, reason: str, cause: Cause) -> None:
    row = f"insert into suppressions values ('a hash', '{reason}', '{MOMENT}');"
    path = older(tmp_path / "digestbot.sqlite", stop_before="m010_causes_of_suppressions", script=row)
    with closing(new_store(path)) as store:
        [found] = store.suppressions.all()
        assert (found.address_hash, found.cause, found.reason, found.since) == ("a hash", cause, reason, NOW)


# The index of words

_COLUMNS = "id, title, abstract, authors, categories, announced, url, pdf_url, doi, comment, upvotes, revision"
OWLS = f"""
insert into papers ({_COLUMNS}, loaded_at) values ('x:1', 'Owls', 'They see.', '["Ada Quill", "Bela Vane"]',
    '["cs.IR"]', '2025-05-27', '', '', '', '', 0, 1, '{MOMENT}');
insert into papers ({_COLUMNS}, loaded_at) values ('x:2', 'Mice', 'They hear.', '[]', '[]', '2025-05-27', '', '', '', '',
    0, 1, '{MOMENT}');
update papers set title = 'Rats' where id = 'x:2';
"""
# As from the versions whose fourth migration made the index as it is today.
FORGET_THE_LAST = "delete from _sqlite_migrations where name = 'm005_words_of_papers_at_once';"


@pytest.mark.parametrize(
    ("stop_before", "script"), [("m005_words_of_papers_at_once", OWLS), (None, OWLS + FORGET_THE_LAST)]
)
def test_papers_of_a_database_with_either_index_are_found_and_follow_what_changes(
    tmp_path: Path, stop_before: str | None, script: str
) -> None:
    path = older(tmp_path / "digestbot.sqlite", stop_before=stop_before, script=script)
    with closing(new_store(path)) as store:

        def found(text: str) -> list[str]:
            return [one.id for one in store.search.matching(parse(text), within=Within(), limit=9)]

        owls = paper(1, id="x:1", title="Owls by day", abstract="They sleep.", doi="", url="")
        assert store.papers.add([paper(2, title="Owls at night"), owls], NOW + timedelta(hours=1)).new == 1
        assert sorted(found("owls")) == ["arxiv:2505.00002", "x:1"]
        assert (found("sleep"), found("see"), found("rats hear"), found("mice")) == (["x:1"], [], ["x:2"], [])
        with store.database.write() as connection:
            connection.execute("delete from papers where id = 'x:2'")
        assert found("rats") == []
        with store.database.write() as connection:
            connection.execute("insert into paper_search (paper_search) values ('integrity-check')")
        assert store.database.rows("select 1 from paper_numbers where not indexed") == []
        assert {row["name"] for row in store.database.rows("pragma index_list(paper_numbers)")} >= {"paper_numbers_new"}


# By the migration before which a database stops, a hash of its tables, views, indexes and triggers.
COMMITTED = {
    "m002_one_paper_from_many_places": "ab30461d6c137af3",
    "m003_follows_and_events_of_scanners": "22398ae4748a0a8f",
    "m004_words_of_papers": "e327ea9fe739abb5",
    "m005_words_of_papers_at_once": "d7c659e822b4c212",
    "m006_languages": "28ebe892e9dd6511",
    "m007_bounces": "983b478ac408a972",
    "m008_rates": "5cc7dcc8fb523f2f",
    "m009_who_left_while_paused": "60be5987d00ba3b2",
    "m010_causes_of_suppressions": "25860bb47d33bfb4",
    "m011_last_delivered": "668bd92374fc5254",
    "m012_unwritten": "44fcaf108d20a543",
    None: "6de67f9a6c288011",
}


@pytest.mark.parametrize(("stop_before", "committed"), COMMITTED.items())
def test_a_migration_still_makes_what_it_made_when_it_was_committed(
    tmp_path: Path, stop_before: str | None, committed: str
) -> None:
    """Whoever has run a migration does not run it again: a change of it is a further one, and a further line here."""
    path = older(tmp_path / "digestbot.sqlite", stop_before=stop_before)
    with closing(sqlite3.connect(path)) as connection:
        # What FTS5 and sqlite-utils make for themselves differs from version to version.
        made = connection.execute(
            "select sql from sqlite_master where sql is not null and tbl_name <> '_sqlite_migrations'"
            " and not (type in ('table', 'index') and tbl_name like 'paper\\_search\\_%' escape '\\')"
            " order by type, name"
        ).fetchall()
    text = "\n".join(" ".join(sql.split()) for (sql,) in made)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == committed
