"""Mail scanners: one opens every link in a real browser and changes nothing; one presses buttons, for nothing."""

from __future__ import annotations

import email
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
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
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from digestbot.web.app import create_app
from digestbot.web.paper import PaperPages
from digestbot.web.similar import SimilarPapers
from tests.factories import KEY, NOW, paper
from tests.web.conftest import Site, dump, form_fields, heading, put, tree
from tests.web.library import pages_of


@pytest.fixture
def served(store: Store, templates: jinja2.Environment, free_port: Callable[[], int]) -> Iterator[Links]:
    """The pages on a real server; the links lead there."""
    port = free_port()
    links = Links(f"http://127.0.0.1:{port}", [KEY])
    pages = pages_of(store, links, templates, lambda: NOW)
    similar = SimilarPapers(store.search, lambda _now: None)
    app = create_app(pages, PaperPages(papers=store.papers, similar=similar))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    running = threading.Thread(target=server.run)
    running.start()
    while running.is_alive() and not server.started:
        time.sleep(0.01)
    yield links
    server.should_exit = True
    running.join()
    similar.close()


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
    # Like, not for me, similar, preferences, unsubscribe; and the one that confirms.
    assert len(links) == 6

    def visit(number: int) -> str:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", f"--user-data-dir={tmp_path / f'profile{number}'}"]
        command += ["--dump-dom", "--virtual-time-budget=2000", links[number]]
        return subprocess.run(command, capture_output=True, check=True, timeout=60, text=True).stdout

    before = dump(store)
    with ThreadPoolExecutor(2) as browsers:
        seen = list(browsers.map(visit, range(len(links))))
    assert dump(store) == before
    headings = sorted(
        re.sub("<[^>]*>", "", heading) for page in seen for heading in re.findall("<h1[^>]*>.*?</h1>", page)
    )
    pages = [
        "Preferences",
        paper(1).title,
        "Start the mails?",
        "Unsubscribe?",
        "You chose Like",
        "You chose Not for me",
    ]
    assert headings == pages


# The orders in which a program comes by the links of a mail of three papers.
IN_TURN = [f"{choice}={place}" for place in (1, 2, 3) for choice in ("like", "dislike")]
ORDERS = {
    "as they stand in the mail": IN_TURN,
    "from the last to the first": IN_TURN[::-1],
    "all likes first": sorted(IN_TURN, reverse=True),
    "all dislikes first": sorted(IN_TURN),
    "each of them twice": [link for link in IN_TURN for _ in range(2)],
}


def forms_behind(site: Site, link: str) -> list[dict[str, str]]:
    return [form_fields(form) for form in tree(site.client.get(f"{site.feedback}?{link}")).forms]


def submit(site: Site, fields: dict[str, str], *, undo: bool = False) -> None:
    """Submit a form half a second after the one before; then, when asked to, the forms of the answer."""
    site.times.append(site.times[-1] + timedelta(seconds=0.5))
    answer = site.client.post(site.feedback, data=fields)
    # A scanner learns nothing from it.
    assert answer.status_code == 200
    if undo:
        for form in tree(answer).forms:
            submit(site, form_fields(form))


@pytest.mark.parametrize("undo", [False, True], ids=["and nothing more", "and each Undo"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_program_that_opens_each_link_and_submits_its_form_leaves_no_rating(
    site: Site, order: str, undo: bool
) -> None:
    for link in ORDERS[order]:
        for fields in forms_behind(site, link):
            submit(site, fields, undo=undo)
    assert site.ratings() == {}
    kept = site.store.database.rows("select left_out from rating_events")
    assert len(kept) >= 6
    assert all(row["left_out"] for row in kept)


@pytest.mark.parametrize("order", ORDERS)
def test_a_program_that_opens_all_links_before_it_submits_any_form_leaves_no_rating(site: Site, order: str) -> None:
    for fields in [fields for link in ORDERS[order] for fields in forms_behind(site, link)]:
        submit(site, fields)
    assert site.ratings() == {}


def test_a_program_that_tries_each_choice_for_all_papers_at_once_leaves_no_rating(site: Site) -> None:
    for choice in ("like", "dislike", "none"):
        submit(site, {f"p{place}": choice for place in (1, 2, 3)})
    assert site.ratings() == {}


def test_a_program_with_many_browsers_leaves_no_rating(site: Site) -> None:
    forms = [fields for link in IN_TURN for fields in forms_behind(site, link)]
    with ThreadPoolExecutor(2) as browsers:
        answers = list(browsers.map(lambda fields: site.client.post(site.feedback, data=fields), forms * 2))
    assert {answer.status_code for answer in answers} == {200}
    assert site.ratings() == {}


def test_what_the_reader_said_before_a_scanner_came_and_says_after_it_counts(site: Site) -> None:
    site.client.post(site.feedback, data={"p1": "like"})
    site.times.append(site.times[-1] + timedelta(minutes=5))
    for link in IN_TURN:
        for fields in forms_behind(site, link):
            submit(site, fields)
    assert list(site.ratings().values()) == [1]
    site.times.append(site.times[-1] + timedelta(minutes=1))
    page = site.client.get(site.feedback)
    (form,) = tree(page).forms
    answer = site.client.post(site.feedback, data=form_fields(form) | {"p2": "dislike"})
    assert heading(answer) == "Recorded"
    assert site.ratings() == {paper(1).id: 1, paper(2).id: -1}
