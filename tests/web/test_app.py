"""What holds for every page: headers, errors, health, and what a log may see."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot import observe
from digestbot.web.app import create_app
from digestbot.web.pages import Pages
from tests.factories import NOW, paper
from tests.web.conftest import Site, heading, put, tree

EVERY_PAGE: list[Callable[[Site], str]] = [
    lambda site: site.feedback,
    lambda site: f"{site.feedback}?like=1",
    lambda site: site.unsubscribe,
    lambda site: site.preferences,
    lambda site: site.links.confirm(site.reader.id, NOW),
    lambda _site: "/f/not-ours",
    lambda _site: "/nowhere",
]


@pytest.mark.parametrize("address", EVERY_PAGE)
def test_every_page_keeps_its_address_to_itself_and_runs_nothing(site: Site, address: Callable[[Site], str]) -> None:
    for answer in (site.client.get(address(site)), site.client.post(address(site), data={"p1": "like"})):
        headers = answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy["style-src"] == f"'sha256-{digest}'"
        assert not tree(answer).xpath("//script | //*[@style] | //link | //img")


@pytest.mark.parametrize("address", EVERY_PAGE)
def test_every_page_has_a_language_a_main_part_a_title_and_one_h1(site: Site, address: Callable[[Site], str]) -> None:
    page = tree(site.client.get(address(site)))
    assert page.get("lang") == "en"
    assert len(page.xpath("//main")) == 1
    assert page.findtext("head/title").strip().endswith("· digestbot")
    assert len(page.xpath("//main//h1")) == 1
    labels = {one.get("for") for one in page.iter("label")}
    for field in page.xpath("//input[not(@type='hidden')]"):
        assert field.get("id") in labels or field.getparent().tag == "label"


@pytest.mark.parametrize("address", ["/", "/nowhere", "/f/", "/f/a/b", "/u", "/.env"])
def test_a_page_that_is_not_there_says_so_like_the_others(site: Site, address: str) -> None:
    answer = site.client.get(address)
    assert answer.status_code == 404
    assert heading(answer) == "There is no such page"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_do_nothing(site: Site, method: str) -> None:
    before = site.dump()
    assert site.client.request(method, site.unsubscribe).status_code == 405
    assert site.dump() == before


def test_health_is_answered_without_the_store_and_readiness_with_it(site: Site) -> None:
    assert (site.client.get("/healthz").status_code, site.client.get("/healthz").text) == (200, "ok\n")
    assert site.client.get("/readyz").status_code == 200
    with site.store.database.write() as connection:
        connection.execute("alter table papers rename to gone")
    assert site.client.get("/healthz").status_code == 200
    answer = site.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.text.startswith("not ready: ")


def test_when_the_store_fails_the_reader_is_told_that_nothing_was_recorded(site: Site) -> None:
    with site.store.database.write() as connection:
        connection.execute("alter table digests rename to gone")
    answer = site.client.post(site.feedback, data={"p1": "like"})
    assert answer.status_code == 503
    assert "Nothing was recorded" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_links_of_an_address_under_a_path_lead_to_the_pages(site: Site) -> None:
    # A proxy that serves https://example.org/papers/ hands on what follows the path.
    for form in tree(site.client.get(site.feedback)).forms:
        assert form.action == "?"


def test_a_log_shows_neither_tokens_nor_addresses(site: Site) -> None:
    stream = io.StringIO()
    observe.configure(stream)
    confirm = site.links.confirm(site.reader.id, NOW)
    structlog.get_logger().warning(
        f"opened {site.feedback}?like=1",
        unsubscribe=site.unsubscribe,
        path=site.preferences.removeprefix(site.links.base_url),
        confirm=confirm,
        problem="550 5.1.1 <ada.quill+papers@mail.example.org>: unknown",
        message_id="<2025-05-27.1@example.org>",
    )
    line = stream.getvalue()
    for link in (site.feedback, site.unsubscribe, site.preferences, confirm):
        token = link.rpartition("/")[2]
        assert not [part for part in (token, *token.split(".")) if part in line]
    assert "ada.quill" not in line
    assert "mail.example.org" not in line
    assert "<2025-05-27.1@example.org>" in line
    assert "550 5.1.1" in line


def test_a_title_of_five_thousand_characters_is_shortened(site_of: Callable[..., Site]) -> None:
    site = site_of(paper(1, title="word " * 999 + "word"))
    (title,) = tree(site.client.get(site.feedback)).iter("h2")
    assert len(title.text_content()) < 310


def test_two_apps_over_one_store_see_the_same(site: Site) -> None:
    pages: Pages = site.client.app.state.pages  # type: ignore[attr-defined]
    with TestClient(create_app(pages), base_url=site.links.base_url) as second:
        second.post(site.feedback, data={"p3": "like"})
    assert list(site.ratings()) == ["arxiv:2505.00003"]


def test_one_reader_never_sees_or_changes_the_ratings_of_another(site: Site) -> None:
    other, theirs = put(site.store, paper(1), email="bela@example.org")
    site.client.post(site.feedback, data={"p1": "like"})
    page = site.client.get(site.links.feedback(theirs.id))
    assert tree(page).xpath("//input[@checked]/@value") == ["none"]
    assert site.store.ratings.of([other.id]) == {other.id: []}


def test_a_page_that_fails_says_so_to_the_reader_and_to_the_log_without_the_token(site: Site) -> None:
    class Broken:
        def find(self, identifier: int) -> None:
            raise KeyError(identifier)

    log = io.StringIO()
    observe.configure(log)
    app = site.client.app
    assert isinstance(app, Starlette)
    pages = replace(app.state.pages, digests=Broken())
    answer = TestClient(create_app(pages), raise_server_exceptions=False).get(site.feedback)
    assert answer.status_code == 500
    assert "Nothing was recorded" in answer.text
    assert "page failed" in log.getvalue()
    assert "KeyError" in log.getvalue()
    assert site.feedback.rpartition("/")[2] not in log.getvalue()
