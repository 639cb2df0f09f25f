"""``sources`` and ``doctor``: whether something is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

import click

from digestbot.cli.output import show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import parse_at, utc_now
from digestbot.errors import SettingsError

if TYPE_CHECKING:
    from digestbot.cli.installation import Installation
    from digestbot.doctor import Finding
    from digestbot.pipeline.watch import Report

_DAY = timedelta(days=1)


@click.command()
@click.option("--at", metavar="T", help="Judge as if it were this time (ISO 8601; UTC unless it names a zone).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def sources(program: Program, at: str | None, as_json: bool) -> None:
    """Show how each source is doing, and when it is asked next; ask none."""
    from digestbot.cli.asking import source_reports

    now = parse_at(at)
    with program.installation() as installation:
        reports = source_reports(installation, now)
    if as_json:
        show_json([_value(one) for one in reports])
    else:
        show_table(
            ["source", "enabled", "state", "last success", "last new paper", "newest day", "next try", "problem"],
            [_row(one, now) for one in reports],
            wraps=["last success", "last new paper", "next try", "problem"],
        )


def _value(one: Report) -> dict[str, object]:
    return {
        "name": one.name,
        "enabled": one.enabled,
        "state": str(one.state),
        "last_success": one.last_success.isoformat() if one.last_success else None,
        "last_new": one.last_new.isoformat() if one.last_new else None,
        "newest": one.newest.isoformat() if one.newest else None,
        "next_try": one.next_try.isoformat() if one.next_try else None,
        "problem": one.problem or None,
    }


def _row(one: Report, now: datetime) -> tuple[str, ...]:
    return (
        one.name,
        "yes" if one.enabled else "no",
        str(one.state),
        _readable(one.last_success),
        _readable(one.last_new),
        one.newest.isoformat() if one.newest else "-",
        "now" if one.next_try is not None and one.next_try <= now else _readable(one.next_try),
        one.problem,
    )


def _readable(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "-"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(program: Program, as_json: bool) -> int:
    """Look for what is wrong with this installation, and say what to do; change nothing."""
    from digestbot.doctor import Grade

    findings = list(_examine(program))
    if as_json:
        show_json([{"check": f.check, "grade": str(f.grade), "says": f.says, "advice": f.advice} for f in findings])
    else:
        show_table(
            ["", "check", "what", "what to do"],
            [(f.grade, f.check, f.says, f.advice) for f in findings],
            wraps=["what", "what to do"],
        )
    problems = sum(one.grade == Grade.PROBLEM for one in findings)
    if problems:
        click.echo(f"digestbot: {problems} problem{'' if problems == 1 else 's'}; see what to do", err=True)
    return 1 if problems else 0


def _examine(program: Program) -> Iterator[Finding]:
    from digestbot import doctor as look
    from digestbot.cli.asking import source_reports

    try:
        settings = program.settings
    except SettingsError as error:
        yield look.settings(None, str(error))
        return
    now = utc_now()
    named = program.settings_path or program.folder / "settings.toml"
    yield look.settings(named if named.exists() else None)
    with program.installation() as installation:
        secrets = look.secret_file(settings.path("secret_file"), lambda: installation.secrets)
        yield secrets
        path = settings.path("database")

        def damage() -> list[str]:
            return installation.store.database.damage()

        # Opening it would make it: a wrong path in the settings shall be seen.
        found = list(look.database(path, damage)) if path.exists() else []
        yield from found or [look.no_database(path)]
        if path.parent.is_dir():
            yield look.space(path.parent, shutil.disk_usage(path.parent).free)
        yield look.web(settings.web)
        yield look.sender(settings.mail, settings.smtp)
        yield look.signatures(settings.dkim.sign, settings.mail, settings.smtp, lambda: installation.signer)
        if secrets.grade != look.Grade.PROBLEM:
            yield look.bounces(settings.mail, settings.bounces, settings.web, lambda: _providers(installation))
        usable = bool(found) and not any(one.grade == look.Grade.PROBLEM for one in found)
        admin = parseaddr(settings.mail.admin)[1]
        suppressed = usable and bool(installation.store.suppressions.suppressed([admin]))
        yield look.admin(settings.mail, suppressed=suppressed)
        if usable:
            yield from look.sources(source_reports(installation, now), now)
            yield from look.outbox(installation.store.outbox.undelivered(now - _DAY), now)
        yield look.calendar(now)


def _providers(installation: Installation) -> list[str]:
    """Return whose webhooks are open, without making a secret file."""
    from digestbot.cli.webhooks import providers
    from digestbot.settings import find_secrets

    settings = installation.settings
    return list(providers(settings, find_secrets(settings.path("secret_file"), installation.environ)))
