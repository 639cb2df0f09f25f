"""Addresses as people see them: what only their owner may know is nowhere."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from digestbot.sources.addresses import readable, shown
from tests.fakes.server import Answer, moved
from tests.fakes.site import Site
from tests.sources.conftest import read, said


@pytest.mark.parametrize(
    ("url", "as_shown"),
    [
        ("https://example.org/feed?topic=owls&page=2", "https://example.org/feed?topic=owls&page=2"),
        ("https://example.org/feed?keywords=owls&author=quill", "https://example.org/feed?keywords=owls&author=quill"),
        ("https://example.org/feed?apikey=S3CRET&topic=owls", "https://example.org/feed?apikey=...&topic=owls"),
        ("https://example.org/feed?API_Key=S3CRET", "https://example.org/feed?API_Key=..."),
        ("https://example.org/feed?a=1;tok%65n=S3CRET", "https://example.org/feed?a=1;tok%65n=..."),
        ("https://example.org/feed?sig=S3CRET%3D&se=2026", "https://example.org/feed?sig=...&se=2026"),
        ("https://example.org/feed#access_token=S3CRET", "https://example.org/feed#access_token=..."),
        ("/feed?token=S3CRET", "/feed?token=..."),
        ("https://ada:S3CRET@example.org/feed", "https://example.org/feed"),
        ("http://ada:S3/CRET@[x?token=S3CRET", "http://[x?token=..."),
        ("https://example.org/a\nb", "https://example.org/a b"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, as_shown: str) -> None:
    assert shown(url) == as_shown


@pytest.mark.parametrize("url", ["http://[::1", "http://a b/", "http://example.org:99999/", "http://example.org:x/"])
def test_what_leads_nowhere_is_no_address(url: str) -> None:
    assert readable(url) is None


def test_a_secret_of_a_query_is_in_no_error_and_in_no_log(site: Site) -> None:
    site.pages["/busy"] = Answer(status=500)
    site.pages["/old"] = moved("/gone?apikey=S3CRET", 301)(Answer())
    with capture_logs() as logs:
        assert said(f"{site.url}/busy?apikey=S3CRET") == f"{site.url}/busy?apikey=...: answered 500"
        assert "S3CRET" not in said(f"{site.url}/old?apikey=S3CRET")
    (moving,) = [line for line in logs if line["event"].startswith("moved for good")]
    assert (moving["url"], moving["to"]) == (f"{site.url}/old?apikey=...", f"{site.url}/gone?apikey=...")
    assert "S3CRET" not in str([line for line in logs if not line["event"].startswith("stamina")])
    assert site.asked[-1].value("apikey") == "S3CRET"


def test_a_redirect_to_a_port_that_cannot_be_is_an_error_not_a_crash(site: Site) -> None:
    site.pages["/"] = moved("http://8.8.8.8:70000/")(Answer())
    assert said(site.url) == f"{site.url}: redirects to http://8.8.8.8:70000/, which is no web address"


def test_a_secret_is_still_sent(site: Site) -> None:
    assert read(f"{site.url}/?token=S3CRET") == b"here"
    assert site.asked[0].value("token") == "S3CRET"
