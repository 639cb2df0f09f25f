"""The doctor: what is wrong with an installation, or soon will be, and what to do about it.

It is handed what it looks at, changes nothing, asks no network, and no secret is in what it says.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from digestbot.announcements import HOLIDAYS, eastern_day
from digestbot.errors import DigestbotError
from digestbot.pipeline.watch import Report, State, is_alarming
from digestbot.store.outbox import Undelivered

_MEGABYTE = 1_000_000
_LITTLE_SPACE, _NO_SPACE = 500 * _MEGABYTE, 50 * _MEGABYTE
_LONG_WAIT, _TOO_LONG_WAIT = timedelta(hours=1), timedelta(days=1)


class Grade(StrEnum):
    """How bad it is; only a problem makes the command fail."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found, in a sentence; ``advice`` says what to do, and is empty when nothing is."""

    check: str
    grade: Grade
    says: str
    advice: str = ""


class Signer(Protocol):
    """Whose signature mails carry."""

    @property
    def domain(self) -> str: ...


class Web(Protocol):
    """Where readers reach the pages."""

    @property
    def base_url(self) -> str: ...


class Smtp(Protocol):
    """Which server takes the mail."""

    @property
    def host(self) -> str: ...


class Mail(Protocol):
    """Who the mail is from, and who hears of trouble."""

    @property
    def sender(self) -> str: ...
    @property
    def admin(self) -> str: ...


class ReturnPath(Protocol):
    """Where mails come back to."""

    @property
    def bounce_domain(self) -> str: ...


class Bounces(Protocol):
    """Which mailbox they are fetched from, if any."""

    @property
    def kind(self) -> str: ...


def settings(path: Path | None, problem: str = "") -> Finding:
    """Say whether the settings can be read; ``path`` is ``None`` without a file, ``problem`` the error."""
    if problem:
        return Finding(check="settings", grade=Grade.PROBLEM, says=problem, advice="correct it; all else depends on it")
    says = f"{path} can be read" if path else "there is no settings file; the defaults hold"
    return Finding(check="settings", grade=Grade.OK, says=says)


def no_database(path: Path) -> Finding:
    """Say that there is no database."""
    return Finding(
        check="database",
        grade=Grade.WARNING,
        says=f"{path} is not there yet",
        advice="run 'digestbot init', or set 'database' if it should be",
    )


def database(path: Path, quick_check: Callable[[], Sequence[str]]) -> Iterator[Finding]:
    """Say whether a database that is there opens, is whole, and is its owner's alone.

    ``quick_check`` opens it and returns what SQLite's check of that name said.
    """
    try:
        said = list(quick_check())
    except DigestbotError as error:
        yield Finding(check="database", grade=Grade.PROBLEM, says=str(error), advice="see what the sentence says")
    else:
        if said == ["ok"]:
            yield Finding(check="database", grade=Grade.OK, says=f"{path} opens and is whole")
        else:
            yield Finding(
                check="database",
                grade=Grade.PROBLEM,
                says=f"{path} is damaged: {said[0] if said else 'SQLite says nothing'}",
                advice="stop digestbot, keep a copy of the file, and put your backup in its place",
            )
    yield from _open_to_others(path)


def _open_to_others(path: Path) -> Iterator[Finding]:
    beside = [path.with_name(f"{path.name}{ending}") for ending in ("", "-wal", "-shm")]
    readable = [one for one in beside if _is_open_to_others(one)]
    if readable:
        yield Finding(
            check="database",
            grade=Grade.WARNING,
            says=f"others on this machine can read {path}: addresses, and who likes what",
            advice=f"run: chmod 600 {' '.join(map(str, readable))}",
        )


def _is_open_to_others(path: Path) -> bool:
    """Return whether somebody else may read or write a file; where there are no such modes, never."""
    return os.name == "posix" and path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def space(folder: Path, free: int) -> Finding:
    """Say whether there is room left, ``free`` bytes, where the database is."""
    says = f"{free // _MEGABYTE} MB are free in {folder}"
    if free >= _LITTLE_SPACE:
        return Finding(check="disk", grade=Grade.OK, says=says)
    grade = Grade.WARNING if free >= _NO_SPACE else Grade.PROBLEM
    return Finding(check="disk", grade=grade, says=says, advice="make room: without it nothing is stored or sent")


def secret_file(path: Path, read: Callable[[], object]) -> Finding:
    """Say whether the secret file is its owner's alone and good; ``read`` reads it, and is not called when absent."""
    if not path.exists():
        return Finding(
            check="secrets", grade=Grade.NOTE, says=f"{path} is not there yet", advice="it is made on first use"
        )
    if _is_open_to_others(path):
        return Finding(
            check="secrets", grade=Grade.PROBLEM, says=f"others can read {path}", advice=f"run: chmod 600 {path}"
        )
    try:
        read()
    except DigestbotError as error:
        return Finding(check="secrets", grade=Grade.PROBLEM, says=str(error), advice="correct the file")
    return Finding(check="secrets", grade=Grade.OK, says=f"{path} can be read by its owner alone")


def web(own: Web) -> Finding:
    """Say whether readers can reach the pages, and unsubscribe with one click."""
    if not own.base_url:
        return Finding(
            check="web",
            grade=Grade.WARNING,
            says="[web] base_url is empty: the links in mails lead to this machine only",
            advice="set it to the https address under which readers reach the pages",
        )
    if own.base_url.startswith("http://"):
        return Finding(
            check="web",
            grade=Grade.WARNING,
            says=f"[web] base_url is {own.base_url}: one-click unsubscribe, which needs https, is left out of mails",
            advice="put the pages behind https, and set base_url to that address",
        )
    return Finding(check="web", grade=Grade.OK, says=f"readers reach the pages at {own.base_url}")


def sender(mail: Mail, smtp: Smtp) -> Finding:
    """Say whether other servers can take mail from this sender."""
    domain = parseaddr(mail.sender)[1].rpartition("@")[2].lower()
    if not smtp.host:
        says = "[smtp] host is empty: no mail leaves, each becomes a file in the mailbox folder"
        return Finding(check="sender", grade=Grade.NOTE, says=says, advice="set it when you are done trying")
    if "." in domain and not domain.endswith((".localhost", ".localdomain")):
        return Finding(check="sender", grade=Grade.OK, says=f"mail is from {domain}, through {smtp.host}")
    return Finding(
        check="sender",
        # What listens on this machine may be there for a trial.
        grade=Grade.WARNING if _is_this_machine(smtp.host) else Grade.PROBLEM,
        says=f"[mail] sender is at {domain}, from where other servers take no mail",
        advice="set it to an address of a domain of yours",
    )


def signatures(sign: object, mail: Mail, smtp: Smtp, read: Callable[[], Signer | None]) -> Finding:
    """Say whether mails are signed, and by the sender's own domain; ``read`` returns what signs, if there are keys.

    ``sign`` is the setting. Raises nothing for keys that ``read`` refuses: they stop all mail, which is the finding.
    """
    if sign is False:
        says = "mails are not signed here: [dkim] sign is false, which is right when your relay signs them"
        return Finding(check="dkim", grade=Grade.NOTE, says=says)
    try:
        signer = read()
    except DigestbotError as error:
        advice = "see what the sentence says; until then no mail goes out"
        return Finding(check="dkim", grade=Grade.PROBLEM, says=str(error), advice=advice)
    if signer is None:
        return Finding(
            check="dkim",
            grade=Grade.WARNING if smtp.host and not _is_this_machine(smtp.host) else Grade.NOTE,
            says="mails are not signed, and large mailboxes refuse or hide what is not",
            advice="run 'digestbot dkim generate' and publish what it prints; if your relay signs, [dkim] sign = false",
        )
    domain = parseaddr(mail.sender)[1].rpartition("@")[2].lower()
    if not _related(domain, signer.domain):
        return Finding(
            check="dkim",
            grade=Grade.WARNING,
            says=f"mails are from {domain} and signed by {signer.domain}, which does not count for DMARC",
            advice="set [dkim] domain to the sender's, or leave it empty",
        )
    return Finding(check="dkim", grade=Grade.OK, says=f"mails are signed by {signer.domain}")


def _related(one: str, other: str) -> bool:
    """Return whether one domain is the other or below it, for DMARC's relaxed alignment (RFC 7489 section 3.1)."""
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bounces(mail: ReturnPath, own: Bounces, pages: Web, providers: Callable[[], Iterable[str]]) -> Finding:
    """Say in which ways it is heard that a mail did not arrive.

    ``providers`` returns those whose webhooks are open, by the last part of their address; what it refuses keeps the
    pages from starting, which is the finding.
    """
    try:
        hooks = [f"{pages.base_url}/webhooks/{name}" for name in providers()]
    except DigestbotError as error:
        advice = "correct it; until then 'digestbot run' and 'digestbot serve' do not start"
        return Finding(check="bounces", grade=Grade.PROBLEM, says=str(error), advice=advice)
    if hooks and not pages.base_url.startswith("https://"):
        return Finding(
            check="bounces",
            grade=Grade.WARNING,
            says="webhooks are set up, but [web] base_url is no https address: providers have none to send to",
            advice="put the pages behind https, and set base_url to that address",
        )
    returned = {
        "none": f"mail to {mail.bounce_domain} is to be piped to 'digestbot bounce'",
        "imap": f"mail to {mail.bounce_domain} is fetched by IMAP",
        "maildir": f"mail to {mail.bounce_domain} is fetched from a Maildir",
    }
    ways = [*([returned[own.kind]] if mail.bounce_domain else []), *(f"a provider tells {hook}" for hook in hooks)]
    if not ways:
        return Finding(
            check="bounces",
            grade=Grade.NOTE,
            says="of mails that bounce after they were taken, and of complaints, nothing is heard",
            advice="set [mail] bounce_domain, or open your provider's webhook; docs/delivery.md says how",
        )
    return Finding(check="bounces", grade=Grade.OK, says="; ".join(ways))


def admin(mail: Mail, *, suppressed: bool) -> Finding:
    """Say whether somebody hears of trouble; ``suppressed`` when a server has refused the address for good."""
    if not mail.admin:
        return Finding(
            check="admin",
            grade=Grade.NOTE,
            says="[mail] admin is empty: nobody is told when a source is silent or fails",
            advice="set it to your address",
        )
    if suppressed:
        return Finding(
            check="admin",
            grade=Grade.WARNING,
            says=f"a server has refused {parseaddr(mail.admin)[1]} for good, so [mail] admin hears nothing",
            advice="set [mail] admin to an address that takes mail",
        )
    return Finding(check="admin", grade=Grade.OK, says="[mail] admin is told when a source is silent or fails")


def sources(reports: Sequence[Report], now: datetime) -> Iterator[Finding]:
    """Say of each source that is enabled how it is doing."""
    enabled = [one for one in reports if one.enabled]
    if not enabled:
        yield Finding(
            check="sources",
            grade=Grade.WARNING,
            says="no source is enabled: no paper will come",
            advice="enable one in [sources], or load files",
        )
    for one in enabled:
        yield _source(one, now)


def _source(one: Report, now: datetime) -> Finding:
    check = f"source {one.name}"
    bad = Grade.PROBLEM if is_alarming(one, now) else Grade.WARNING
    newest = f"its newest papers are of {one.newest.isoformat()}" if one.newest else "it has never brought a paper"
    again = f"run 'digestbot load {one.name}'"
    match one.state:
        case State.FAILED:
            return Finding(check=check, grade=bad, says=f"the last load failed: {one.problem}", advice=again)
        case State.STALE:
            says = f"stale: newer papers should be there by now, and {newest}"
            advice = f"{again}; is 'digestbot run' or 'digestbot schedule' up?"
            if one.name == "arxiv":
                advice += " https://status.arxiv.org says whether arXiv is late"
            return Finding(check=check, grade=bad, says=says, advice=advice)
        case State.NEVER:
            advice = f"{again}; 'digestbot run' does so by itself"
            return Finding(check=check, grade=Grade.WARNING, says="it has never been asked", advice=advice)
        case State.UNKNOWN:
            says = f"nothing new came, which may be right on this day; {newest}"
            return Finding(check=check, grade=Grade.NOTE, says=says)
        case State.OK | State.NOTHING_NEW:
            return Finding(check=check, grade=Grade.OK, says=f"{one.state}; {newest}")


def outbox(found: Undelivered, now: datetime) -> Iterator[Finding]:
    """Say what did not go out in the last day, and whether mail waits too long."""
    if found.failed or found.held:
        yield Finding(
            check="outbox",
            grade=Grade.WARNING,
            says=f"of the last day: {found.failed} failed, {found.held} held, since they may have arrived",
            advice="'digestbot outbox' says of each why",
        )
    waits = now - found.oldest if found.oldest else timedelta(0)
    if found.oldest and waits >= _LONG_WAIT:
        yield Finding(
            check="outbox",
            grade=Grade.PROBLEM if waits >= _TOO_LONG_WAIT else Grade.WARNING,
            says=f"the oldest mail has waited since {found.oldest:%Y-%m-%d %H:%M} UTC",
            advice="run 'digestbot send' to see why; is 'digestbot run' or 'digestbot schedule' up?",
        )
    elif not (found.failed or found.held):
        yield Finding(check="outbox", grade=Grade.OK, says="nothing failed in the last day, and nothing waits long")


def calendar(now: datetime) -> Finding:
    """Say whether arXiv's holidays of this year are known."""
    year = eastern_day(now).year
    if year in HOLIDAYS:
        return Finding(check="calendar", grade=Grade.OK, says=f"arXiv's holidays of {year} are known")
    return Finding(
        check="calendar",
        grade=Grade.NOTE,
        says=f"arXiv's holidays of {year} are not known: a weekday without papers is 'unknown', and nobody is told",
        advice="install a newer digestbot",
    )
