"""One description of a paper comes in: it is new, or says something of a paper that is known.

A paper speaks for itself under its own id, by the source that gave it that. What comes under another id of it, or
is told by somebody else, only fills what is empty: else two sources that word things differently would take turns, a
revision each load.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Literal, TypeAlias

from digestbot.identifiers import keys_of
from digestbot.models import Paper, PaperId
from digestbot.store import merging
from digestbot.store.values import instant_text, list_text, list_value

Arrival: TypeAlias = Literal["new", "updated", "unchanged", "unknown"]

_SHOWN = ("title", "abstract", "authors", "categories", "url")
_REST = ("pdf_url", "doi", "comment")
_COUNTS = ("upvotes", "comment_count")
_NAMING = ("title", "authors", "doi")
_NOTHING = ("", "[]", 0)


def take_in(
    connection: sqlite3.Connection, paper: Paper, now: datetime, *, announced: bool, mentioned: bool = False
) -> Arrival:
    """Store what a description says; one that announces nothing counts only where its paper is known.

    One that is ``mentioned`` by somebody else fills what is empty, and never moves the day of a known paper.
    """
    said = _said(paper)
    known = connection.execute("select * from papers where id = ?", (paper.id,)).fetchone()
    changes = _changes(known, said, announced=announced, mentioned=mentioned) if known else {}
    if known and not changes and all(said[name] in (*_NOTHING, known[name]) for name in _NAMING):
        # Nor has it keys that are not kept: they are made of what stands in the row.
        return "unchanged"
    keys = keys_of(paper)
    updated = bool(changes)
    identifier = merging.own_id(connection, paper.id)
    if identifier is None:
        identifier = next(merging.sharing(connection, paper.id, keys, stored=False), None)
        if identifier is None:
            return _insert(connection, said, keys, now) if announced else "unknown"
        identifier = _join(connection, paper.id, identifier)
        updated = True
    if not known:
        known = connection.execute("select * from papers where id = ?", (identifier,)).fetchone()
        changes = _changes(known, said, announced=announced, mentioned=mentioned)
        updated = updated or bool(changes)
    if changes:
        _update(connection, known, changes)
        merging.add_own_keys(connection, identifier)
    merging.add_keys(connection, identifier, keys)
    # Its keys may show that what stood as two papers is one.
    updated |= merging.merge_all(connection, identifier, keys)
    return "updated" if updated else "unchanged"


def _said(paper: Paper) -> dict[str, str | int]:
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list_text(paper.authors),
        "categories": list_text(paper.categories),
        "announced": paper.announced.isoformat(),
        "url": paper.url,
        "pdf_url": paper.pdf_url,
        "doi": paper.doi,
        "comment": paper.comment,
        "upvotes": paper.upvotes,
        "comment_count": paper.comment_count,
        "links": list_text(merging.add_links((), paper.links, url=paper.url)) if paper.links else "[]",
    }


def _changes(
    known: sqlite3.Row, said: dict[str, str | int], *, announced: bool, mentioned: bool
) -> dict[str, str | int]:
    """Return the columns that become something else; what a source does not say takes nothing away."""
    # An id that a source made up is of whoever uses it; arXiv's and DOIs belong to those who gave them.
    leads = known["id"] == said["id"] and not (mentioned and merging.is_given(known["id"]))
    changes = {
        name: value
        for name in (*_SHOWN, *_REST, *_COUNTS)
        if (value := said[name]) not in _NOTHING
        and value != known[name]
        and (leads or name in _COUNTS or known[name] in _NOTHING)
    }
    # What somebody else tells is dated on the day that they told it. Both are days as text, which sorts as days do.
    if announced and not mentioned and str(said["announced"]) < known["announced"]:
        changes["announced"] = said["announced"]
    if said["links"] != "[]" or said["url"] not in ("", known["url"]):
        url = str(changes.get("url", known["url"]))
        more = (known["url"], str(said["url"]), *list_value(str(said["links"])))
        links = list_text(merging.add_links(list_value(known["links"]), more, url=url))
        if links != known["links"]:
            changes["links"] = links
    return changes


def _insert(
    connection: sqlite3.Connection, said: dict[str, str | int], keys: tuple[str, ...], now: datetime
) -> Arrival:
    connection.execute(
        "insert into papers (id, title, abstract, authors, categories, announced, url, pdf_url, doi, comment,"
        " upvotes, comment_count, links, revision, loaded_at)"
        " values (:id, :title, :abstract, :authors, :categories, :announced, :url, :pdf_url, :doi, :comment,"
        " :upvotes, :comment_count, :links, 1, :loaded_at)",
        said | {"loaded_at": instant_text(now)},
    )
    merging.add_keys(connection, str(said["id"]), keys)
    return "new"


def _join(connection: sqlite3.Connection, incoming: PaperId, identifier: PaperId) -> PaperId:
    """Give a paper another id, and return the one it has from now on."""
    if merging.rank(incoming) < merging.rank(identifier):
        merging.rename(connection, identifier, incoming)
        return incoming
    merging.add_alias(connection, incoming, identifier)
    return identifier


def _update(connection: sqlite3.Connection, known: sqlite3.Row, changes: dict[str, str | int]) -> None:
    reworded = not changes.keys().isdisjoint({*_SHOWN, "announced"})
    if reworded:
        merging.keep_text(connection, known["id"])
    columns = ", ".join(f"{name} = :{name}" for name in changes)
    connection.execute(
        f"update papers set {columns}, revision = revision + :reworded where id = :id",
        changes | {"reworded": int(reworded), "id": known["id"]},
    )
