"""``evaluate``: how good a run is, or the ranking of this installation on its own readers' past."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digestbot.cli.files import FILE, read_qrels, read_run, writing
from digestbot.cli.installation import Installation
from digestbot.cli.output import show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import parse_day, utc_now
from digestbot.errors import RenderError, UsageError

if TYPE_CHECKING:
    from digestbot.pipeline.history import Progress, Replayed, Span
    from digestbot.ranking.judgement import Estimate, Estimates, Measures, Reader, SentPapers

_REPORTS = (".html", ".htm")
# As in a column of figures.
_NOTHING = "-"


@click.command()
@click.option("--run", "run_path", type=FILE, help="A TREC run.")
@click.option("--qrels", type=FILE, help="TREC qrels.")
@click.option("--history", is_flag=True, help="Judge by what this installation's own subscribers went on to like.")
@click.option("--since", metavar="DATE", help="With --history: from this day (YYYY-MM-DD) on.")
@click.option("--until", metavar="DATE", help="With --history: up to this day.")
@click.option(
    "--window",
    type=click.IntRange(1, 14),
    metavar="DAYS",
    help="With --history: how many days of papers a digest chooses from; else [digest] window_days.",
)
@click.option("--plot", metavar="FILE.html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def evaluate(
    program: Program,
    run_path: Path | None,
    qrels: Path | None,
    history: bool,
    since: str | None,
    until: str | None,
    window: int | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Judge a run by qrels: nDCG@10, recall@50, MRR and AUC, means over the subscribers of the qrels.

    With --history, go through the past days of this installation: rank each day's papers by what a subscriber had rated
    before, and judge by what the subscriber liked in the week from that day on; beside it two orders without training.
    """
    if history:
        if run_path or qrels:
            raise UsageError("--history reads this installation: leave out --run and --qrels, or --history")
        _judge_history(program, _days(since, until), window, _report_file(plot), as_json=as_json)
        return
    given = [name for name, one in _only_with_history(since, until, window, plot) if one is not None]
    if given:
        raise UsageError(f"{', '.join(given)}: only with --history; add it, or leave this out")
    if run_path is None or qrels is None:
        raise UsageError("name a run and its judgements with --run and --qrels, or ask for --history")
    _judge_run(run_path, qrels, as_json=as_json)


def _only_with_history(*values: object) -> list[tuple[str, object]]:
    return list(zip(("--since", "--until", "--window", "--plot"), values, strict=True))


def _judge_run(run_path: Path, qrels: Path, *, as_json: bool) -> None:
    from digestbot.ranking.evaluation import evaluate as judge

    quality = judge(read_run(run_path), read_qrels(qrels))
    value = {
        "readers": quality.readers,
        "nDCG@10": round(quality.ndcg_at_10, 6),
        "recall@50": round(quality.recall_at_50, 6),
        "MRR": round(quality.mrr, 6),
        "AUC": round(quality.auc, 6),
    }
    if as_json:
        show_json(value)
    else:
        show_table(list(value), [[one if isinstance(one, int) else f"{one:.4f}" for one in value.values()]])


def _judge_history(
    program: Program, days: tuple[date, date], window: int | None, plot: Path | None, *, as_json: bool
) -> None:
    from digestbot.pipeline.history import Span

    with program.installation() as installation:
        window_days = installation.settings.digest.window_days if window is None else window
        span = Span(window_days=window_days, since=days[0], until=days[1])
        with _bar() as progress:
            replayed = _history(installation, span, progress)
        if replayed is not None and plot is not None:
            _write_report(installation, replayed, span, plot)
    if as_json:
        show_json(_value(replayed, span))
    elif replayed is None:
        click.echo("nothing to judge by: no subscriber has rated a paper yet")
    else:
        _show(replayed)


def _history(installation: Installation, span: Span, progress: Progress) -> Replayed | None:
    from digestbot.pipeline.history import History
    from digestbot.store.past import Past

    store = installation.store
    history = History(
        Past(store.database),
        store.subscribers,
        store.papers,
        installation.fitter,
        half_life_days=installation.settings.ranking.half_life_days,
    )
    return history.replay(span, utc_now(), progress)


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show how many days are done on stderr, when that is a terminal; it goes when the table comes."""
    from digestbot.pipeline.history import silent

    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("days of subscribers", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _write_report(installation: Installation, replayed: Replayed, span: Span, path: Path) -> None:
    import jinja2

    from digestbot.cli.charts import page

    try:
        text = installation.templates.get_template("reports/history.html.j2").render(page(replayed, span, utc_now()))
    except jinja2.TemplateError as error:
        raise RenderError(f"template reports/history.html.j2: {error}") from error
    with writing(path) as file:
        file.write(text)


def _report_file(plot: Path | None) -> Path | None:
    # Found out now, and not when the work is done.
    if plot is not None and plot.suffix.lower() not in _REPORTS:
        raise UsageError(
            f"--plot {plot}: the report is HTML, which any browser shows and prints; name a file that ends in .html"
        )
    if plot is not None and not plot.parent.is_dir():
        raise UsageError(f"--plot {plot}: there is no folder {plot.parent}; make it first")
    return plot


def _days(since: str | None, until: str | None) -> tuple[date, date]:
    first, last = parse_day("--since", since) or date.min, parse_day("--until", until) or date.max
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}; turn them round")
    return first, last


def _show(replayed: Replayed) -> None:
    """Print a line for each subscriber, the worst first, then one for all, and what the profile adds."""
    from digestbot.ranking.history import ORDERS

    whole = replayed.overall
    # Whom no day counts for come last: nothing is known of how good their digests are.
    ordered = sorted(
        replayed.readers, key=lambda one: (not one[1].days, one[1].measures[0].ndcg if one[1].days else 0.0, one[0])
    )
    rows = [_row(email, one.days, one.replayed, one.measures, one.sent) for email, one in ordered]
    everything = sum(one.replayed for _, one in replayed.readers)
    rows.append(_row(f"all ({whole.readers})", whole.days, everything, _means(whole.measures), whole.sent))
    show_table(
        ["subscriber", "days", "nDCG@10", *ORDERS[1:], "hits in 5", "days with", "sent", "liked", "disliked"],
        rows,
        wraps=["subscriber"],
    )
    if not whole.measures:
        click.echo("no day counts: nobody liked a candidate of a day before which they had rated something")
        return
    click.echo(
        f"nDCG@10 {_plus_minus(whole.measures[0].ndcg)}, hits in the top five {_plus_minus(whole.measures[0].hits)}"
    )
    for name, gain in zip(ORDERS[1:], whole.gains, strict=True):
        click.echo(f"more than {name}: nDCG@10 {_plus_minus(gain.ndcg, '+')}, hits {_plus_minus(gain.hits, '+')}")
    click.echo("means over subscribers with their standard errors; the terms are weighed by the corpus of today")


def _row(name: str, days: int, replayed: int, measures: tuple[Measures, ...], sent: SentPapers) -> tuple[object, ...]:
    profile = measures[0] if measures else None
    return (
        name,
        f"{days} of {replayed}",
        *([f"{one.ndcg:.3f}" for one in measures] or [_NOTHING] * 3),
        f"{profile.hits:.2f}" if profile else _NOTHING,
        f"{profile.hit_days:.0%}" if profile else _NOTHING,
        sent.papers or _NOTHING,
        *([f"{many / sent.papers:.0%}" for many in (sent.liked, sent.disliked)] if sent.papers else [_NOTHING] * 2),
    )


def _means(measures: tuple[Estimates, ...]) -> tuple[Measures, ...]:
    from digestbot.ranking.judgement import Measures

    return tuple(Measures(ndcg=one.ndcg.mean, hits=one.hits.mean, hit_days=one.hit_days.mean) for one in measures)


def _plus_minus(one: Estimate, sign: str = "") -> str:
    return f"{one.mean:{sign}.3f}" + ("" if one.error is None else f" ± {one.error:.3f}")


def _value(replayed: Replayed | None, span: Span) -> dict[str, Any]:
    from digestbot.pipeline.history import AHEAD_DAYS
    from digestbot.ranking.history import ORDERS

    value: dict[str, Any] = {
        "first": replayed.first.isoformat() if replayed and replayed.first else None,
        "last": replayed.last.isoformat() if replayed and replayed.last else None,
        "window_days": span.window_days,
        "ahead_days": AHEAD_DAYS,
        "subscribers": [],
        "all": None,
        "weeks": [],
    }
    if replayed is None:
        return value
    whole = replayed.overall
    value["subscribers"] = [_reader_value(email, one) for email, one in replayed.readers]
    value["all"] = {
        "subscribers": whole.readers,
        "days": whole.days,
        **dict(zip(map(_key, ORDERS), map(_estimates_value, whole.measures), strict=False)),
        "more_than": dict(zip(map(_key, ORDERS[1:]), map(_estimates_value, whole.gains), strict=False)),
        "sent": _sent_value(whole.sent),
    }
    value["weeks"] = [
        {
            "monday": week.monday.isoformat(),
            "days": week.days,
            "nDCG@10": dict(zip(map(_key, ORDERS), map(_rounded, week.ndcg), strict=False)),
            "hits@5": dict(zip(map(_key, ORDERS), map(_rounded, week.hits), strict=False)),
            "likes": week.likes,
            "dislikes": week.dislikes,
        }
        for week in replayed.weeks
    ]
    return value


def _reader_value(email: str, one: Reader) -> dict[str, Any]:
    from digestbot.ranking.history import ORDERS

    measures = {
        _key(name): {
            "nDCG@10": _rounded(own.ndcg),
            "hits@5": _rounded(own.hits),
            "days_with_hit": _rounded(own.hit_days),
        }
        for name, own in zip(ORDERS, one.measures, strict=False)
    }
    return {
        "email": email,
        "days": one.days,
        "days_replayed": one.replayed,
        **measures,
        "sent": _sent_value(one.sent),
    }


def _estimates_value(one: Estimates) -> dict[str, Any]:
    named = {"nDCG@10": one.ndcg, "hits@5": one.hits, "days_with_hit": one.hit_days}
    return {
        name: {"mean": _rounded(own.mean), "standard_error": None if own.error is None else _rounded(own.error)}
        for name, own in named.items()
    }


def _sent_value(sent: SentPapers) -> dict[str, Any]:
    return {
        "digests": sent.digests,
        "papers": sent.papers,
        "liked": sent.liked,
        "disliked": sent.disliked,
        "unrated": sent.unrated,
    }


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _rounded(value: float) -> float:
    return round(value, 6)
