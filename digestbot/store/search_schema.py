"""The index of the words of papers, kept in step with the papers.

Triggers take out what changes, whoever changes it, and note what is to come in; ``index_new`` puts that in, all of it
at once at the end of a transaction, since a row at a time takes three times as long.
It keeps no text of its own: it reads papers through a view, under numbers of their own, since ``VACUUM`` may change the
row numbers of a table whose key is text.

Databases were made by these statements: what is to change comes as statements of a further migration.
"""

from __future__ import annotations

import sqlite3

# Stands between authors and before each category, as a word of its own that nobody types: a phrase does not reach from
# one author into the next, and ``cs.CL`` is not found in the middle of a category.
BOUNDARY = "¦"

# Matters of order: bm25 takes one weight for each (see ``search``).
COLUMNS = ("title", "abstract", "authors", "categories")

_TEXTS = ", ".join(COLUMNS)
_OLD = ", ".join(f"old.{name}" for name in ("id", *COLUMNS))
_NEW = ", ".join(f"new.{name}" for name in ("id", *COLUMNS))

# As the index was at first: the triggers put in what is new, a row at a time.
_FIRST = (
    "create table paper_numbers (number integer primary key, paper_id text not null unique) strict",
    "insert into paper_numbers (paper_id) select id from papers order by rowid",
    f"""create view paper_texts as
        select number, id, title, abstract,
            replace(authors, '", "', ' {BOUNDARY} ') as authors,
            '{BOUNDARY} ' || replace(categories, '", "', ' {BOUNDARY} ') as categories
        from paper_numbers join papers on papers.id = paper_id""",
    f"""create virtual table paper_search using fts5 (
        {_TEXTS}, content = 'paper_texts', content_rowid = 'number',
        tokenize = "unicode61 remove_diacritics 2 tokenchars '{BOUNDARY}'")""",
    "insert into paper_search (paper_search) values ('rebuild')",
    f"""create trigger paper_search_added after insert on papers begin
        insert into paper_numbers (paper_id) values (new.id);
        insert into paper_search (rowid, {_TEXTS}) select number, {_TEXTS} from paper_texts where id = new.id;
    end""",
    # What goes out of the index must be what went in: it is read before the paper changes.
    f"""create trigger paper_search_changing before update of id, {_TEXTS} on papers when ({_OLD}) is not ({_NEW}) begin
        insert into paper_search (paper_search, rowid, {_TEXTS})
            select 'delete', number, {_TEXTS} from paper_texts where id = old.id;
    end""",
    f"""create trigger paper_search_changed after update of id, {_TEXTS} on papers when ({_OLD}) is not ({_NEW}) begin
        update paper_numbers set paper_id = new.id where paper_id = old.id;
        insert into paper_search (rowid, {_TEXTS}) select number, {_TEXTS} from paper_texts where id = new.id;
    end""",
    f"""create trigger paper_search_going before delete on papers begin
        insert into paper_search (paper_search, rowid, {_TEXTS})
            select 'delete', number, {_TEXTS} from paper_texts where id = old.id;
        delete from paper_numbers where paper_id = old.id;
    end""",
)

# Before the column ``indexed`` whatever had a number was in the index.
_INDEXED = (
    "alter table paper_numbers add column indexed integer not null default 0",
    "update paper_numbers set indexed = 1",
)

# The index stays as it is: only what feeds it is made anew.
_AT_ONCE = (
    "drop trigger paper_search_added",
    "drop trigger paper_search_changing",
    "drop trigger paper_search_changed",
    "drop trigger paper_search_going",
    "drop view paper_texts",
    "drop index if exists paper_numbers_new",
    "create index paper_numbers_new on paper_numbers (number) where not indexed",
    f"""create view paper_texts as
        select number, indexed, id, title, abstract,
            replace(authors, '", "', ' {BOUNDARY} ') as authors,
            '{BOUNDARY} ' || replace(categories, '", "', ' {BOUNDARY} ') as categories
        from paper_numbers join papers on papers.id = paper_id""",
    """create trigger paper_search_added after insert on papers begin
        insert into paper_numbers (paper_id) values (new.id);
    end""",
    f"""create trigger paper_search_changing before update of id, {_TEXTS} on papers when ({_OLD}) is not ({_NEW}) begin
        insert into paper_search (paper_search, rowid, {_TEXTS})
            select 'delete', number, {_TEXTS} from paper_texts where id = old.id and indexed;
    end""",
    f"""create trigger paper_search_changed after update of id, {_TEXTS} on papers when ({_OLD}) is not ({_NEW}) begin
        update paper_numbers set paper_id = new.id, indexed = 0 where paper_id = old.id;
    end""",
    f"""create trigger paper_search_going before delete on papers begin
        insert into paper_search (paper_search, rowid, {_TEXTS})
            select 'delete', number, {_TEXTS} from paper_texts where id = old.id and indexed;
        delete from paper_numbers where paper_id = old.id;
    end""",
)


def create(connection: sqlite3.Connection) -> None:
    """Make the index of the papers that there are, in the transaction of the caller."""
    for statement in _FIRST:
        connection.execute(statement)


def take_in_at_once(connection: sqlite3.Connection) -> None:
    """Leave what is new to ``index_new``, in the transaction of the caller; the index may be that way already."""
    columns = {row[1] for row in connection.execute("pragma table_info(paper_numbers)")}
    for statement in (*(() if "indexed" in columns else _INDEXED), *_AT_ONCE):
        connection.execute(statement)


def index_new(connection: sqlite3.Connection) -> None:
    """Put the papers that are new, or have changed, into the index, in the transaction of the caller."""
    connection.execute(
        f"insert into paper_search (rowid, {_TEXTS}) select number, {_TEXTS} from paper_texts where not indexed"
    )
    connection.execute("update paper_numbers set indexed = 1 where not indexed")
