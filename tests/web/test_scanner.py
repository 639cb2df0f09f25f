"""A mail scanner: a real browser opens every link of the mails, with scripts on. It must change nothing."""

from __future__ import annotations

import email
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email import policy
from pathlib import Path

import jinja2
import pytest
import uvicorn

from digestbot.digest.compose import confirm_delivery, digest_delivery
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import SubscriberState
from digestbot.pipeline.deliver import Letters
from digestbot.store import Preferences, Store
from digestbot.web.app import create_app
from digestbot.web.pages import Pages
from tests.factories import KEY, NOW, paper
from tests.web.conftest import dump, put


@pytest.fixture
def served(store: Store, templates: jinja2.Environment, free_port: Callable[[], int]) -> Iterator[Links]:
    """The pages on a real server; the links lead there."""
    port = free_port()
    links = Links(f"http://127.0.0.1:{port}", [KEY])
    pages = Pages(
        digests=store.digests,
        ratings=store.ratings,
        subscribers=store.subscribers,
        links=links,
        templates=templates,
        clock=lambda: NOW,
        ready=store.papers.count,
    )
    server = uvicorn.Server(uvicorn.Config(create_app(pages), host="127.0.0.1", port=port, log_level="error"))
    running = threading.Thread(target=server.run)
    running.start()
    while running.is_alive() and not server.started:
        time.sleep(0.01)
    yield links
    server.should_exit = True
    running.join()


def own_links(message: bytes, base_url: str) -> set[str]:
    body = email.message_from_bytes(message, policy=policy.default).get_body(("html",))
    assert body is not None
    return set(re.findall(rf'href="({re.escape(base_url)}[^"]*)"', body.get_content()))


def test_a_browser_that_opens_every_link_of_the_mails_changes_nothing(
    store: Store, served: Links, templates: jinja2.Environment, peer: Callable[[str], str], tmp_path: Path
) -> None:
    chromium = peer("chromium")
    reader, digest = put(store, paper(1))
    pending = store.subscribers.add("bela@example.org", SubscriberState.PENDING, Preferences(), NOW)
    sender = Sender(sender="digest@example.org")
    letters = Letters(store.digests, store.subscribers, Renderer(templates, served), served, sender)
    mails = [
        letters.write(digest_delivery(digest, reader, domain="example.org")),
        letters.write(confirm_delivery(pending, domain="example.org", now=NOW)),
    ]
    links = sorted(set().union(*(own_links(message, served.base_url) for message in mails)))
    # Like, not for me, preferences, unsubscribe; and the one that confirms.
    assert len(links) == 5

    def visit(number: int) -> str:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", f"--user-data-dir={tmp_path / f'profile{number}'}"]
        command += ["--dump-dom", "--virtual-time-budget=2000", links[number]]
        return subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout

    before = dump(store)
    with ThreadPoolExecutor(2) as browsers:
        seen = list(browsers.map(visit, range(len(links))))
    assert dump(store) == before
    headings = sorted(re.sub("<[^>]*>", "", heading) for page in seen for heading in re.findall("<h1>.*?</h1>", page))
    assert headings == ["Preferences", "Start the mails?", "Unsubscribe?", "You chose Like", "You chose Not for me"]
