"""Loads: what each one of each source came to, and what that says of the source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from digestbot.models import Load
from digestbot.store.database import Database
from digestbot.store.values import instant_text, instant_value

# More than a month of asking every ten minutes.
_KEPT = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadHistory:
    """What is known of a source's loads; ``None`` where there was none of the kind.

    Times are those at which a load began, since what it brought was asked for then. ``last_new`` is of the last
    load that brought a paper nobody had, ``newest`` the latest day that a paper was announced on, and
    ``last_error`` empty when the last load succeeded; ``failures`` counts those since the last success, and
    ``behind`` is what showed an older day in that.
    """

    last_started: datetime | None = None
    last_success: datetime | None = None
    last_new: datetime | None = None
    newest: date | None = None
    last_error: str = ""
    failing_since: datetime | None = None
    failures: int = 0
    behind: str = ""
    loads: int = 0


class Loads:
    """The newest loads of each source."""

    def __init__(self, database: Database, *, kept: int = _KEPT) -> None:
        self._database = database
        self._kept = kept

    def record(self, load: Load) -> None:
        """Keep what a load came to. Of each source the newest loads are kept, and the one the next continues from."""
        with self._database.write() as connection:
            connection.execute(
                "insert into loads (source, asked, started_at, finished_at, received, new, updated, skipped, error,"
                " cursor, newest, behind) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    load.source,
                    load.asked,
                    instant_text(load.started_at),
                    instant_text(load.finished_at),
                    load.received,
                    load.new,
                    load.updated,
                    load.skipped,
                    load.error,
                    load.cursor,
                    load.newest.isoformat() if load.newest else None,
                    load.behind,
                ),
            )
            connection.execute(
                "delete from loads where source = :source and id <= (select id from loads where source = :source"
                "  order by id desc limit 1 offset :kept)"
                " and id is not (select max(id) from loads where source = :source and cursor <> '')",
                {"source": load.source, "kept": self._kept},
            )

    def cursor(self, source: str) -> str:
        """Return the newest cursor that a source gave, empty before the first."""
        row = self._database.row(
            "select cursor from loads where source = ? and cursor <> '' order by id desc limit 1", (source,)
        )
        return str(row["cursor"]) if row else ""

    def history(self, source: str, until: datetime) -> LoadHistory:
        """Return what the loads of a source came to that began until then."""
        row = self._database.row(
            "with known as (select * from loads where source = :source and started_at <= :until),"
            " last as (select * from known order by id desc limit 1),"
            " success as (select coalesce(max(id), 0) as id from known where error = '')"
            " select count(*) as loads, max(newest) as newest, max(started_at) as last_started,"
            " max(started_at) filter (where error = '') as last_success,"
            " max(started_at) filter (where new > 0) as last_new,"
            " min(started_at) filter (where id > (select id from success)) as failing_since,"
            " count(*) filter (where id > (select id from success)) as failures,"
            " (select error from last) as last_error,"
            " (select behind from known where error = '' order by id desc limit 1) as behind"
            " from known",
            {"source": source, "until": instant_text(until)},
        )
        if row is None or not row["loads"]:
            return LoadHistory()
        return LoadHistory(
            last_started=_instant(row["last_started"]),
            last_success=_instant(row["last_success"]),
            last_new=_instant(row["last_new"]),
            newest=date.fromisoformat(row["newest"]) if row["newest"] else None,
            last_error=row["last_error"],
            failing_since=_instant(row["failing_since"]),
            failures=row["failures"],
            behind=row["behind"] or "",
            loads=row["loads"],
        )


def _instant(text: str | None) -> datetime | None:
    return instant_value(text) if text else None
