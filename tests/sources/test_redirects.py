"""Redirects: where they may lead, and that names and certificates are checked."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestbot.sources.client import Client, Lane
from tests.factories import NOW
from tests.fakes.server import (
    Answer,
    Request,
    moved,
    serving,
)
from tests.fakes.site import Site
from tests.sources.conftest import AT_ONCE, read, said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_the_same_server_is_followed(site: Site, status: int) -> None:
    site.pages["/a/old"] = moved("../new?x=1#here", status)(Answer())
    site.pages["/new"] = Answer(body=b"new")
    assert read(f"{site.url}/a/old") == b"new"
    assert site.paths == ["/a/old", "/new"]


@pytest.mark.parametrize(("status", "warnings"), [(301, 1), (308, 1), (302, 0), (307, 0)])
def test_a_page_that_moved_for_good_is_said_once(site: Site, status: int, warnings: int) -> None:
    site.pages["/old"] = moved("/new", status)(Answer())
    site.pages["/new"] = Answer(body=b"new")

    async def twice() -> None:
        client = Client(folder=None, clock=lambda: NOW)
        for _ in range(2):
            await client.read(f"{site.url}/old", bytes, lane=AT_ONCE)

    with capture_logs() as logs:
        asyncio.run(twice())
    assert [(entry["url"], entry["to"]) for entry in logs] == [(f"{site.url}/old", f"{site.url}/new")] * warnings


def test_a_redirect_to_another_port_is_refused_and_names_both(site: Site, other: Site) -> None:
    site.pages["/"] = moved(f"{other.url}/secret")(Answer())
    text = said(site.url)
    assert text.startswith(f"{site.url}: redirects to {other.url}/secret, which is not followed: ")
    assert (len(site.asked), other.asked) == (1, [])


def test_a_redirect_to_an_address_of_the_settings_is_followed(site: Site, other: Site) -> None:
    site.pages["/"] = moved(f"{other.url}/page")(Answer())
    other.pages["/page"] = Answer(body=b"there")
    assert read(site.url, allowed=[f"{other.url}/any/other/page"]) == b"there"


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"],
)
def test_a_redirect_to_a_private_host_is_refused(site: Site, host: str) -> None:
    site.pages["/"] = moved(f"http://{host}/latest/meta-data")(Answer())
    text = said(site.url)
    assert text.startswith(f"{site.url}: redirects to http://{host}/latest/meta-data, ")
    assert "not a public address" in text
    assert len(site.asked) == 1


@pytest.mark.parametrize("to", ["", "file:///etc/passwd", "gopher://x/", "javascript:alert(1)", "http://[", "http://"])
def test_a_redirect_to_no_web_address_is_refused(site: Site, to: str) -> None:
    site.pages["/"] = moved(to)(Answer())
    assert "which is no web address" in said(site.url)
    assert len(site.asked) == 1


def test_redirects_end(site: Site) -> None:
    site.pages["/"] = moved("/")(Answer())
    assert "redirects more than 5 times" in said(f"{site.url}/")
    assert len(site.asked) == 6


def test_a_redirect_is_a_request_and_keeps_the_pace(site: Site) -> None:
    times: list[float] = []

    def page(request: Request) -> Answer:
        times.append(time.monotonic())
        return Answer(body=b"new") if request.path == "/new" else Answer(status=302, headers={"Location": "/new"})

    site.pages |= {"/": page, "/new": page}
    read(site.url + "/", lane=Lane(name="slow", seconds=0.3))
    assert times[1] - times[0] > 0.2


def test_a_refused_redirect_shows_no_password_of_where_it_led(site: Site) -> None:
    site.pages["/"] = moved("http://ada:secret@localhost/x\r\n y")(Answer())
    assert "secret" not in said(site.url)


@pytest.fixture
def secure(tmp_path: Path, peer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site with a certificate for ``localhost`` that this computer trusts."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    subprocess.run([peer("openssl"), *command.split()], check=True, capture_output=True)
    security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    security.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(Site(), security) as served:
        yield served


def test_a_certificate_must_be_trusted_and_name_the_host(secure: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    named = secure.url.replace("127.0.0.1", "localhost")
    assert read(named) == b"here"
    assert "IP address mismatch" in said(secure.url)
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "self-signed certificate" in said(named)
    assert len(secure.asked) == 1


def test_an_encrypted_page_does_not_lead_to_one_that_is_not(secure: Site, other: Site) -> None:
    secure.pages["/"] = moved(other.url)(Answer())
    text = said(secure.url.replace("127.0.0.1", "localhost"), allowed=[other.url])
    assert "which is not followed: not encrypted" in text
    assert other.asked == []
