"""``demo``: everything at once on sample papers, in a temporary folder that is gone afterwards."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import click

from digestbot.cli.installation import Installation
from digestbot.cli.mailing import deliverer
from digestbot.cli.output import show_json
from digestbot.cli.program import Program
from digestbot.errors import DigestbotError

if TYPE_CHECKING:
    from digestbot.demo.catcher import Catcher, Caught
    from digestbot.demo.story import Change, Story


@click.command()
@click.option("--once", is_flag=True, help="Two mornings with a like in between, without a person; then end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print JSON.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port of the inbox page; 0: any free one.")
@click.pass_obj
def demo(program: Program, once: bool, as_json: bool, port: int) -> int:
    """Show everything at once, on sample papers: mails, inbox, feedback, and what a like changes.

    Without a terminal, or with --json, this is --once. Exits 0 only if the like changed the second digest.
    """
    program.start_logs()
    alone = once or as_json or not sys.stdout.isatty()
    with tempfile.TemporaryDirectory(prefix="digestbot-demo-") as folder:
        return asyncio.run(_once(Path(folder), as_json=as_json) if alone else _with_a_person(Path(folder), port))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    story: Story
    catcher: Catcher
    url: str


@asynccontextmanager
async def _stage(folder: Path, port: int) -> AsyncIterator[_Stage]:
    """Set the demo up: a database with papers and readers, a mail server, the pages and the inbox."""
    from digestbot.cli.service import quiet_server, started
    from digestbot.demo.catcher import Catcher
    from digestbot.demo.inbox import Inbox, create_inbox
    from digestbot.demo.story import Story
    from digestbot.web.app import create_app

    catcher = Catcher()
    await catcher.start()
    listening = _listen(port)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    installation = _installation(folder, url, catcher.port)
    try:
        _fill(installation)
        story = Story(installation.store, installation.composer, partial(deliverer, installation))
        pages = create_app(installation.pages(clock=lambda: story.now), installation.paper_pages)
        inbox = Inbox(story=story, catcher=catcher, templates=installation.templates, busy=asyncio.Lock())
        server = quiet_server(create_inbox(inbox, pages))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await started(server, serving)
        try:
            yield _Stage(story=story, catcher=catcher, url=url)
        finally:
            server.should_exit = True
            await serving
    finally:
        await catcher.stop()
        installation.close()
        listening.close()


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise DigestbotError(f"port {port} cannot be used: {error.strerror}; choose another --port") from error
    return listening


def _installation(folder: Path, url: str, smtp_port: int) -> Installation:
    from digestbot.demo.sample import PAPERS_PER_MAIL
    from digestbot.settings import read_settings

    settings = folder / "settings.toml"
    settings.write_text(
        f'[web]\nbase_url = "{url}"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\n'
        '[mail]\nsender = "digestbot <digest@papers.example>"\n'
        f"[digest]\npapers = {PAPERS_PER_MAIL}\n",
        encoding="utf-8",
    )
    return Installation(read_settings(settings, {}, folder=folder), {})


def _fill(installation: Installation) -> None:
    from digestbot.demo.sample import MORNINGS, READERS, papers
    from digestbot.models import LIKE, SubscriberState
    from digestbot.store import Preferences

    store, before = installation.store, MORNINGS[0] - timedelta(hours=12)
    store.papers.add(papers(), before)
    for reader in READERS:
        added = store.subscribers.add(reader.email, SubscriberState.ACTIVE, Preferences(), before)
        store.ratings.record(added.id, dict.fromkeys(reader.likes, LIKE), now=before, origin="cli")


async def _with_a_person(folder: Path, port: int) -> int:
    """Serve the inbox until Ctrl-C."""
    from digestbot.cli.service import asked_to_stop

    async with _stage(folder, port) as stage:
        await stage.story.next_morning()
        click.echo(f"Three readers have mail. Open {stage.url} in a browser:")
        click.echo("read a digest, like a paper in it, press Record, go back and press Next morning.")
        click.echo("Ctrl-C ends the demo; nothing of it stays.")
        await asked_to_stop().wait()
    return 0


async def _once(folder: Path, *, as_json: bool) -> int:
    """Two mornings; between them the first reader likes the last paper of the first mail."""
    from digestbot.demo.sample import READERS

    async with _stage(folder, 0) as stage:
        await stage.story.next_morning()
        mail = next(mail for mail in stage.catcher.mails if mail.recipient == READERS[0].email)
        await _like(mail)
        await stage.story.next_morning()
        mails = [
            {
                "to": one.recipient,
                "date": one.message["date"].datetime.isoformat(),
                "subject": str(one.message["subject"]),
                "message_id": str(one.message["message-id"]),
            }
            for one in stage.catcher.mails
        ]
        changes = [change for change in stage.story.changes if change.reader.email == mail.recipient]
        first = _listed(mail)
    if not changes:
        raise DigestbotError("the like did not reach the store")
    change = changes[0]
    if as_json:
        show_json(_value(change, mails, first))
    else:
        _tell(change, mails, first)
    return 0 if change.differs else 1


def _listed(mail: Caught) -> list[str]:
    """Return the titles of a mail, in its order."""
    reader = _Reader()
    reader.feed(mail.part("html"))
    return reader.titles


async def _like(mail: Caught) -> None:
    """Do what a reader does: open the last like link of the mail, and press Record on its page."""
    import httpx2

    seen = _Reader()
    seen.feed(mail.part("html"))
    link = [href for href in seen.links if "?like=" in href][-1]
    try:
        # A proxy of the environment has no business on 127.0.0.1.
        async with httpx2.AsyncClient(trust_env=False) as browser:
            page = await browser.get(link)
            form = _Reader()
            form.feed(page.text)
            answer = await browser.post(urljoin(link, form.action), data=form.fields)
    except httpx2.HTTPError as error:
        raise DigestbotError(f"the feedback page does not answer: {error}") from error
    if page.status_code != 200 or answer.status_code != 200:
        raise DigestbotError(f"the feedback page answered {page.status_code} and {answer.status_code}")


class _Reader(HTMLParser):
    """Reads what a person sees of a page: titles, links, and a form as it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.titles: list[str] = []
        self.action = ""
        self.fields: dict[str, str] = {}
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        elif tag == "h2":
            self._in_title = True
            self.titles.append("")
        elif tag == "form":
            self.action = values.get("action") or ""
        elif tag == "input" and (values.get("type") != "radio" or "checked" in values):
            self.fields[values.get("name") or ""] = values.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.titles[-1] += data


def _value(change: Change, mails: list[dict[str, str]], first: list[str]) -> dict[str, object]:
    return {
        "mails": mails,
        "reader": change.reader.email,
        "liked": [{"id": paper.id, "title": paper.title} for paper in change.liked],
        "first": first,
        "second": [paper.title for paper in change.papers],
        "second_without_the_like": [paper.title for paper in change.without],
        "terms_that_rose": list(change.terms),
        "changed": change.differs,
    }


def _tell(change: Change, mails: list[dict[str, str]], first: list[str]) -> None:
    name = change.reader.name
    click.echo(f"Tuesday and Wednesday morning: {len(mails)} mails caught by a real SMTP server on 127.0.0.1.")
    click.echo(f"\n{name} ({change.reader.interest}), Tuesday:")
    _numbered(first)
    click.echo(f"\n{name} opens the link under the last one, presses Record, and sleeps. Wednesday:")
    entered = {paper.id for paper in change.entered}
    _numbered([f"{paper.title}{'  <- because of the like' if paper.id in entered else ''}" for paper in change.papers])
    click.echo("\nWithout the like it would have been:")
    _numbered([paper.title for paper in change.without])
    click.echo(f"\nTerms whose weight rose: {', '.join(change.terms)}")
    click.echo("The like changed the list." if change.differs else "The like changed nothing.")


def _numbered(titles: list[str]) -> None:
    for number, title in enumerate(titles, 1):
        click.echo(f"  {number}. {title}")
