"""``/metrics``: true figures in the format of Prometheus, for this machine alone unless the settings say otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import jinja2
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.testclient import TestClient

from digestbot.cli.installation import Installation
from digestbot.cli.service import started, web_server
from digestbot.links import Links
from digestbot.models import DeliveryState, RateLimits, SubscriberState
from digestbot.settings import read_settings
from digestbot.store import Store
from digestbot.store.suppressions import Cause
from digestbot.store.tally import Figures
from digestbot.web.app import create_app
from digestbot.web.metrics import Metrics
from tests.factories import NOW, alert, load, paper
from tests.store.scenes import join, mark, post
from tests.web.library import pages_of

HERE = ("127.0.0.1", 50_000)
SECOND = timedelta(seconds=1)
NOTHING = Figures(
    deliveries={}, oldest_waiting=None, subscribers={}, suppressions={}, papers=0, last_success={}, slowed={}
)


@pytest.fixture
def ask(store: Store, links: Links, templates: jinja2.Environment) -> Callable[..., Any]:
    """Ask for the page: from where, under which name of this server, with which headers."""

    def get(
        peer: str = "127.0.0.1",
        *,
        host: str = "127.0.0.1:8000",
        base_url: str = "https://papers.example.org",
        to_all: bool = False,
        now: datetime = NOW,
        read: Callable[[datetime], Figures] = store.tally.figures,
        **headers: str,
    ) -> Any:
        metrics = Metrics(read, lambda: now, base_url=base_url, to_all=to_all)
        app = create_app(pages_of(store, links, templates, lambda: now), metrics=metrics)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return TestClient(app, client=(peer, 50_000)).get("/metrics", headers={"host": host, **named})

    return get


def values(page: Any) -> dict[tuple[str, ...], float]:
    """Return the samples by name and labels; a name or label that comes twice fails."""
    found: dict[tuple[str, ...], float] = {}
    for family in parse_text(page.text):
        for sample in family.samples:
            key = (sample.name, *(value for _, value in sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


# what it says


def test_figures_are_those_of_the_store(store: Store, ask: Callable[..., Any]) -> None:
    left = join(store)
    for reader in (join(store), join(store), left):
        mark(store, post(store, reader, [paper()])[1], DeliveryState.SENT, NOW)
    store.subscribers.set_state(left.id, SubscriberState.PAUSED, NOW)
    store.outbox.add(alert())
    store.suppressions.suppress("gone@example.org", "5.1.1", NOW, cause=Cause.HARD)
    store.loads.record(load("arxiv"))
    store.outbox.open_run("one", RateLimits(server="server mail.example.org:25"))
    store.outbox.slow_down(10.0, NOW)
    store.outbox.close_run()
    found = values(ask(now=NOW + 90 * SECOND))
    assert found["digestbot_deliveries", "digest", "sent"] == 3
    assert found["digestbot_deliveries", "alert", "pending"] == 1
    assert found["digestbot_mails_taken",] == 3
    assert found["digestbot_oldest_waiting_mail_seconds",] == 90
    assert found["digestbot_subscribers", "active"] == 2
    assert found["digestbot_subscribers", "paused"] == 1
    assert found["digestbot_suppressed_addresses", "hard"] == 1
    assert found["digestbot_papers",] == 1
    assert found["digestbot_source_last_success_timestamp_seconds", "arxiv"] == NOW.timestamp()
    assert found["digestbot_slowed_server_mails_per_second", "mail.example.org:25"] == 5.25


def test_what_there_is_none_of_is_0_and_not_absent(ask: Callable[..., Any]) -> None:
    found = values(ask())
    assert set(found.values()) == {0}
    for key in (("digestbot_deliveries", "digest", "failed"), ("digestbot_subscribers", "bounced")):
        assert key in found
    assert found["digestbot_suppressed_addresses", "complaint"] == 0


def test_no_address_is_in_it(store: Store, ask: Callable[..., Any]) -> None:
    mark(store, post(store, join(store), [paper()])[1], DeliveryState.FAILED, NOW, text="<ada@example.org> unknown")
    store.suppressions.suppress("ada@example.org", "550 <ada@example.org>", NOW)
    assert "@" not in ask().text


def test_each_figure_says_what_it_is_and_both_formats_can_be_read(store: Store, ask: Callable[..., Any]) -> None:
    store.outbox.add(alert())
    plain = ask()
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert plain.headers["cache-control"] == "no-store"
    assert all(family.documentation.endswith(".") and family.type == "gauge" for family in parse_text(plain.text))
    other = ask(accept="application/openmetrics-text; version=1.0.0")
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    read: Iterator[Metric] = parse_openmetrics(other.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in read} == {family.name for family in parse_text(plain.text)}


def test_a_clock_that_went_back_gives_no_age_below_0(store: Store, ask: Callable[..., Any]) -> None:
    store.outbox.add(alert())
    assert values(ask(now=NOW - 90 * SECOND))["digestbot_oldest_waiting_mail_seconds",] == 0


def test_asking_changes_nothing(store: Store, ask: Callable[..., Any]) -> None:
    before = list(store.database.connection.iterdump())
    assert ask().status_code == 200
    assert list(store.database.connection.iterdump()) == before


# for whom


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "monitoring"])
def test_programs_on_this_machine_may_read_it(ask: Callable[..., Any], peer: str, host: str) -> None:
    assert ask(peer, host=host).status_code == 200


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "testclient", ""])
def test_for_others_there_is_no_such_page_unless_all_may_read_it(ask: Callable[..., Any], peer: str) -> None:
    refused = ask(peer)
    assert refused.status_code == 404
    assert "digestbot_" not in refused.text
    assert "There is no such page" in refused.text
    assert ask(peer, to_all=True).status_code == 200


@pytest.mark.parametrize("header", ["x_forwarded_for", "x_real_ip", "forwarded", "via", "x_forwarded_proto"])
def test_what_a_proxy_on_this_machine_hands_on_is_not_from_this_machine(ask: Callable[..., Any], header: str) -> None:
    assert ask(**{header: "127.0.0.1"}).status_code == 404


@pytest.mark.parametrize("host", ["papers.example.org", "PAPERS.example.org", "papers.example.org:443"])
def test_a_proxy_that_says_only_the_public_name_is_known_by_it(ask: Callable[..., Any], host: str) -> None:
    assert ask(host=host).status_code == 404
    assert ask(host=host, base_url="https://other.example.org").status_code == 200
    assert ask(host=host, to_all=True, x_forwarded_for="192.0.2.7").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000"])
def test_without_a_public_name_the_local_one_is_no_sign_of_a_proxy(ask: Callable[..., Any], host: str) -> None:
    assert ask(host=host, base_url=f"http://{host}").status_code == 200


@pytest.mark.parametrize("host", ["", "[", "[::1", "a b", "::::"])
def test_a_host_that_is_none_is_no_reason_to_fail(ask: Callable[..., Any], host: str) -> None:
    assert ask("192.0.2.7", host=host).status_code == 404
    assert ask(host=host).status_code in (200, 404)


def test_without_metrics_there_is_no_such_page(store: Store, links: Links, templates: jinja2.Environment) -> None:
    app = create_app(pages_of(store, links, templates, lambda: NOW))
    assert TestClient(app, client=HERE).get("/metrics").status_code == 404


# how often


class Counted:
    """Counts for as long as a test says, and knows how often it was asked."""

    def __init__(self, seconds: float) -> None:
        self.now = NOW
        self.asked = 0
        self._seconds = seconds

    def read(self, _moment: datetime) -> Figures:
        self.asked += 1
        self.now += timedelta(seconds=self._seconds)
        return replace(NOTHING, papers=self.asked)


@pytest.mark.parametrize(("takes", "kept"), [(0.0, 10.0), (0.1, 10.0), (3.0, 60.0)])
def test_it_is_counted_anew_after_ten_seconds_or_twenty_times_as_long_as_counting_takes(
    store: Store, links: Links, templates: jinja2.Environment, takes: float, kept: float
) -> None:
    counted = Counted(takes)
    metrics = Metrics(counted.read, lambda: counted.now, base_url="", to_all=False)
    app = create_app(pages_of(store, links, templates, lambda: NOW), metrics=metrics)
    client = TestClient(app, client=HERE)

    def papers() -> float:
        return values(client.get("/metrics"))["digestbot_papers",]

    assert papers() == 1
    counted.now += timedelta(seconds=kept - 0.001)
    assert papers() == 1
    counted.now += timedelta(seconds=0.002)
    assert papers() == 2
    counted.now -= timedelta(days=1)
    assert papers() == 3, "the clock was set back"


def test_a_store_that_fails_is_said_with_503(store: Store, ask: Callable[..., Any]) -> None:
    with store.database.write() as connection:
        connection.execute("alter table loads rename to gone")
    assert ask().status_code == 503


# as it is served


@pytest.mark.parametrize(("access", "status"), [("local", 200), ("all", 200), ("none", 404)])
def test_the_real_server_serves_it_as_the_settings_say(tmp_path: Path, access: str, status: int) -> None:
    (tmp_path / "settings.toml").write_text(
        f'[web]\nport = 0\nbase_url = "https://p.example.org"\nmetrics = "{access}"'
    )
    installation = Installation(read_settings(tmp_path / "settings.toml", {}, folder=tmp_path), {})
    installation.store.papers.add([paper()], datetime.now(UTC))

    async def fetch(headers: dict[str, str]) -> httpx2.Response:
        server = web_server(installation, installation.pages())
        serving = asyncio.create_task(server.serve())
        await started(server, serving)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics", headers=headers)
        server.should_exit = True
        await serving
        return answer

    answer = asyncio.run(fetch({}))
    assert answer.status_code == status
    if status == 200:
        assert values(answer)["digestbot_papers",] == 1
    handed_on = asyncio.run(fetch({"x-forwarded-for": "192.0.2.7"}))
    assert handed_on.status_code == (200 if access == "all" else 404)
    installation.close()
