"""The page of a paper: what it says, where its links lead, what its address is, and what it never does."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
import uvicorn
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from digestbot.digest.readable import readable
from digestbot.errors import SourceFormatError
from digestbot.sources.json_lines import parse_paper
from digestbot.web.app import create_app
from digestbot.web.places import places
from tests.factories import DAY, NOW, described, paper
from tests.web.conftest import dump, heading, near, tree, words
from tests.web.library import OWLS, Library

NASTY = """</title><script>alert("1")</script> & 'co'"""


# What it says


def test_the_page_says_everything_that_is_known_of_the_paper(library_of: Callable[..., Library]) -> None:
    one = paper(
        5,
        abstract="We count. " * 200 + "The end.",
        doi="10.5555/Owls.1",
        comment="12 pages, accepted",
        links=("https://hub.example.org/papers/5",),
    )
    library = library_of(one)
    page = library.page(one)
    assert page.status_code == 200
    assert heading(page) == one.title
    text = words(page)
    for said in ("Ada Quill, Bela Vane", "arXiv · cs.IR, cs.CL · 27 May 2025", one.abstract, "12 pages, accepted"):
        assert said in text
    found = {link.text: link.get("href") for link in tree(page).xpath("//ul//a")}
    assert found == {
        "Read on arXiv": "https://arxiv.org/abs/2505.00005",
        "PDF": "https://arxiv.org/pdf/2505.00005",
        "DOI 10.5555/owls.1": "https://doi.org/10.5555/owls.1",
        "hub.example.org": "https://hub.example.org/papers/5",
    }


def test_the_title_of_the_page_is_that_of_the_paper(library: Library) -> None:
    assert tree(library.page(OWLS)).findtext("head/title").strip() == "Owls hunt mice · digestbot"


def test_a_paper_of_which_nothing_but_the_title_is_known_has_a_page(library_of: Callable[..., Library]) -> None:
    bare = paper(5, id="lab:5", abstract="", authors=(), categories=(), url="")
    page = library_of(bare).page(bare)
    assert page.status_code == 200
    assert "Its source gives no abstract." in words(page)
    assert not tree(page).xpath("//article//a")


def test_of_very_many_authors_the_first_are_named_and_the_others_counted(library_of: Callable[..., Library]) -> None:
    many = paper(5, authors=tuple(f"Author {number}." for number in range(3000)))
    text = words(library_of(many).page(many))
    assert "Author 29. and 2,970 more" in text
    assert "Author 30." not in text


def test_texts_cannot_bring_markup_into_the_page(library_of: Callable[..., Library]) -> None:
    bad = [
        paper(number, title=NASTY, abstract=NASTY, authors=(NASTY,), categories=(NASTY,), comment=NASTY)
        for number in (1, 2)
    ]
    library = library_of(*bad)
    page = library.page(bad[0])
    assert not tree(page).xpath("//script")
    assert heading(page) == near(page)[0][0] == readable(NASTY)
    assert tree(page).xpath("string(//article//i)") == NASTY


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_text_can_be_shown(library: Library, text: str) -> None:
    library.store.papers.add([paper(9, title=text, abstract=text, authors=(text,), comment=text)], NOW)
    page = library.page(paper(9))
    assert page.status_code == 200
    assert page.text.count("<h1") == page.text.count("</h1>") == 1


# Where its links lead


def test_a_doi_says_where_the_paper_is_once(library_of: Callable[..., Library]) -> None:
    one = paper(5, id="doi:10.1101/2025.01.02.123456", url="https://doi.org/10.1101/2025.01.02.123456", doi="")
    assert places(one) == {"https://doi.org/10.1101/2025.01.02.123456": "DOI 10.1101/2025.01.02.123456"}
    assert library_of(one).page(one).status_code == 200


def test_a_pdf_that_the_source_names_is_the_pdf() -> None:
    one = paper(5, pdf_url="https://mirror.example.org/5.pdf", doi="10.48550/arXiv.2505.00005")
    assert list(places(one).items()) == [
        ("https://arxiv.org/abs/2505.00005", "Read on arXiv"),
        ("https://mirror.example.org/5.pdf", "PDF"),
    ]


def test_every_doi_of_a_paper_is_named_and_places_of_one_site_only_once() -> None:
    one = paper(5, doi="10.5555/1, 10.5555/2 10.5555/1", links=("https://a.example/1", "https://a.example/2"))
    assert list(places(one).values())[2:] == ["DOI 10.5555/1", "DOI 10.5555/2", "a.example"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.org", "ftp://example.org", ""])
def test_what_is_no_address_of_the_web_is_no_link(url: str) -> None:
    assert places(paper(5, id="lab:5", url=url, pdf_url=url, links=(url,))) == {}


def test_an_address_that_cannot_be_read_is_shown_without_its_site() -> None:
    assert places(paper(5, id="lab:5", url="https://[x/")) == {"https://[x/": "Read on the web"}


# What its address is


@pytest.fixture
def server(library: Library, free_port: Callable[[], int]) -> Iterator[Callable[[str], tuple[int, str]]]:
    """The pages on a real server, asked for a path exactly as it is written."""
    number = free_port()
    server = uvicorn.Server(uvicorn.Config(library.app, host="127.0.0.1", port=number, log_level="critical"))
    running = threading.Thread(target=server.run)
    running.start()
    while running.is_alive() and not server.started:
        time.sleep(0.01)
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=5)

    def ask(path: str) -> tuple[int, str]:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.getheader("set-cookie") is None
        return answer.status, answer.read().decode()

    yield ask
    connection.close()
    server.should_exit = True
    running.join()


def parsed_id(text: str) -> str:
    """Return the id under which a paper file's entry with this one is stored."""
    line = json.dumps({"id": text, "title": "Any"}).encode()
    try:
        return parse_paper(line, default_day=DAY).id
    except (SourceFormatError, UnicodeEncodeError):
        assume(False)
        raise


odd = st.text(st.sampled_from("a1/:.%?#&+;=~\\ <>\"'|^`{}[]()@!$*,-_éÉ漢\u200b\u00ad"), min_size=1, max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds("{}:{}".format, odd, odd | st.text(min_size=1, max_size=60)))
@example("arxiv:hep-th/9901001")
@example("doi:10.1002/(SICI)1096(199601)99:1<1::AID-A>3.0.CO;2-1")
@example("lab:../../f/x")
@example("lab:a//b")
@example("lab:/")
@example("lab:.")
@example("lab:a/./b/..")
@example("../x:y")
@example("lab:%2e%2E/%2F")
@example("lab:a?b#c")
@example("lab:" + "/é" * 148)
def test_the_address_of_any_id_leads_to_the_page_of_that_id(
    library: Library, server: Callable[[str], tuple[int, str]], text: str
) -> None:
    identifier = parsed_id(text)
    title = f"The paper {identifier.encode().hex()}"
    library.store.papers.add([paper(9, id=identifier, title=title, authors=())], NOW)
    address = library.links.paper(identifier)
    assert re.fullmatch(r"[A-Za-z0-9/:%._~-]+", address)
    path = address.removeprefix(library.links.base_url)
    # A browser finds no step up in it, and nothing to leave out.
    assert urljoin("https://papers.example.org/", path) == address
    status, body = server(path)
    assert (status, f'<h1 dir="auto">{title}</h1>' in body) == (200, True)


def test_an_id_that_a_paper_had_before_leads_to_its_page(library_of: Callable[..., Library]) -> None:
    work = described()
    library = library_of(work["feed"], work["arxiv"])
    answer = library.page(work["feed"])
    assert answer.status_code == 301
    assert answer.headers["location"] == library.links.paper(work["arxiv"].id)
    assert heading(library.client.get(answer.headers["location"])) == work["arxiv"].title


@pytest.mark.parametrize(
    "typed", ["2505.00001", "2505.00001v2", "arxiv:2505.00001v3", "arxiv:2505.00001/", "10.48550/arXiv.2505.00001"]
)
def test_other_ways_to_write_an_id_lead_to_the_page(library: Library, typed: str) -> None:
    answer = library.client.get(f"/paper/{typed}")
    assert (answer.status_code, answer.headers["location"]) == (301, library.links.paper(OWLS.id))


@pytest.mark.parametrize("identifier", ["arxiv:2505.99999", "", "owls", "arxiv:", "a:" + "b" * 5000])
def test_a_paper_that_is_not_there_says_so_like_the_other_pages(library: Library, identifier: str) -> None:
    answer = library.client.get(f"/paper/{identifier}")
    assert answer.status_code == 404
    assert heading(answer) == "There is no such paper here"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "%00",
        "arxiv:2505.00001%00",
        "arxiv:2505.00001%0d%0aSet-Cookie:%20x=1",
        "..%2f..%2fetc%2fpasswd",
        "../../etc/passwd",
        "%2e%2e/%2e%2e/f/x",
        "%ff%fe",
        "%ed%a0%80",
        "%",
        "%zz",
        "//arxiv:2505.00001",
        "'%20or%201=1%20--",
        "%F0%9F%A6%89",
        "https://arxiv.org/abs/2505.99999",
        "x" * 10_000,
        "%2f" * 3_000,
        "arxiv:" + "1" * 10_000,
        "?" + "x" * 10_000,
    ],
    ids=lambda path: path[:20],
)
def test_hostile_ids_are_not_there_and_nothing_else(
    library: Library, server: Callable[[str], tuple[int, str]], path: str
) -> None:
    before = dump(library.store)
    status, body = server(f"/paper/{path}")
    assert (status, "There is no such pa" in body) == (404, True)
    assert dump(library.store) == before


# What it never does


def test_opening_the_page_changes_nothing(library: Library) -> None:
    before = dump(library.store)
    assert library.page(OWLS).status_code == 200
    head = library.client.head(library.links.paper(OWLS.id))
    assert (head.status_code, head.content) == (200, b"")
    assert dump(library.store) == before


def test_the_page_is_the_same_for_everybody_and_may_be_kept_a_little(library: Library) -> None:
    page = library.page(OWLS)
    headers = page.headers
    assert headers["cache-control"] == "max-age=300"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "set-cookie" not in headers
    assert not tree(page).xpath("//script | //*[@style] | //link | //img | //form")
    assert tree(page).xpath("//meta[@name='robots']/@content") == ["noindex"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_do_nothing(library: Library, method: str) -> None:
    before = dump(library.store)
    assert library.client.request(method, library.links.paper(OWLS.id)).status_code == 405
    assert dump(library.store) == before


def test_when_the_store_fails_the_page_says_so(library: Library) -> None:
    with library.store.database.write() as connection:
        connection.execute("alter table papers rename to gone")
    assert library.page(OWLS).status_code == 503


def test_an_app_without_papers_has_no_such_page(library: Library) -> None:
    with TestClient(create_app(library.app.state.pages), base_url=library.links.base_url) as client:
        assert client.get(f"/paper/{OWLS.id}").status_code == 404
