"""Lanes: one request at a time and the pace, in this process and in all of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digestbot.sources.client import Client, Lane, lane_of
from tests.fakes.server import (
    Answer,
    Request,
    serving,
)
from tests.fakes.site import Site, Turnstile
from tests.sources.conftest import AT_ONCE, read, said


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://export.arxiv.org/api/query", "arxiv"),
        ("http://OAIPMH.arxiv.org:8080/oai", "arxiv"),
        ("https://arxiv.org", "arxiv"),
        ("https://arxiv.org.example.org/", "arxiv.org.example.org"),
        ("https://notarxiv.org/", "notarxiv.org"),
        ("https://Example.org:443/feed", "example.org"),
        ("http://example.org:443/feed", "example.org:443"),
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000"),
        ("http://a:99999999/", ""),
    ],
)
def test_a_lane_is_a_host_and_all_of_arxiv(url: str, name: str) -> None:
    assert lane_of(url, 3) == Lane(name=name, seconds=3)


def many(url: str, *, lane: Lane, folder: Path | None, clients: int, times: int) -> None:
    async def run() -> None:
        opened = [Client(folder=folder, clock=lambda: datetime.now(UTC)) for _ in range(clients)]
        await asyncio.gather(*(client.read(url, bytes, lane=lane) for client in opened for _ in range(times)))

    asyncio.run(run())


def test_requests_of_a_process_go_one_at_a_time_and_keep_the_pace() -> None:
    with serving(Turnstile()) as turnstile:
        many(turnstile.url, lane=Lane(name="slow", seconds=0.12), folder=None, clients=1, times=4)
    assert turnstile.most_inside == 1
    assert len(turnstile.began) == 4
    assert turnstile.shortest_gap() > 0.07


def test_two_clients_of_a_folder_share_its_lanes(tmp_path: Path) -> None:
    with serving(Turnstile()) as turnstile:
        many(turnstile.url, lane=Lane(name="slow", seconds=0.12), folder=tmp_path, clients=2, times=3)
    assert turnstile.most_inside == 1
    assert turnstile.shortest_gap() > 0.07


def test_different_lanes_do_not_wait_for_one_another() -> None:
    async def run(url: str) -> None:
        client = Client(folder=None, clock=lambda: datetime.now(UTC))
        lanes = [Lane(name=name, seconds=5) for name in "abc"]
        await asyncio.gather(*(client.read(url, bytes, lane=lane) for lane in lanes))

    with serving(Turnstile(seconds=0.2)) as turnstile:
        asyncio.run(run(turnstile.url))
    assert turnstile.most_inside == 3


def test_two_processes_share_a_lane_without_overlap(tmp_path: Path) -> None:
    with serving(Turnstile()) as turnstile:
        command = [sys.executable, "-m", "tests.fakes.asker", turnstile.url, str(tmp_path / "http"), "3", "0.2"]
        running = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]
        assert [process.wait(30) for process in running] == [0, 0]
    assert len(turnstile.began) == 6
    assert turnstile.most_inside == 1
    assert turnstile.shortest_gap() > 0.12


def test_who_asks_for_much_lets_others_have_their_turn(site: Site, tmp_path: Path) -> None:
    async def ask(page: str, times: int) -> None:
        site.pages[page] = Answer(body=b"here")
        client = Client(folder=tmp_path, clock=lambda: datetime.now(UTC))
        for _ in range(times):
            await client.read(site.url + page, bytes, lane=Lane(name="one", seconds=0.15))

    async def run() -> None:
        await asyncio.gather(ask("/much", 5), ask("/little", 1))

    asyncio.run(run())
    assert site.paths.index("/little") < 4


def test_a_retry_keeps_the_pace_too(site: Site) -> None:
    times: list[float] = []

    def late(_: Request) -> Answer:
        times.append(time.monotonic())
        return Answer(status=503) if len(times) == 1 else Answer(body=b"here")

    site.pages["/"] = late
    read(site.url, lane=Lane(name="slow", seconds=0.4), patience=1.0)
    assert times[1] - times[0] > 0.3


@pytest.mark.parametrize(
    "content", [b"", b"soon", b"\xff\xfe", b"inf", b"nan", b"-1e400", b"9" * 5000, b"99999999999", b"1e308"]
)
def test_a_time_that_was_not_written_by_us_counts_as_nothing(site: Site, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.next").write_bytes(content)
    begun = time.monotonic()
    assert read(site.url, lane=Lane(name="one", seconds=0), folder=tmp_path) == b"here"
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("name", ["../../up", "a/b", "", ".", "..", "[::1]:80", "x" * 300, "Ü\0\ud800", "CON"])
def test_the_files_of_a_lane_stay_in_their_folder_whatever_its_name(site: Site, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "http"
    assert read(site.url, lane=Lane(name=name, seconds=0), folder=folder) == b"here"
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".next"]
    assert list(tmp_path.iterdir()) == [tmp_path / "deep"]


def test_a_wait_that_is_cancelled_frees_the_lane(site: Site, tmp_path: Path) -> None:
    async def run() -> bytes:
        slow = Lane(name="one", seconds=30)
        client = Client(folder=tmp_path, clock=lambda: datetime.now(UTC))
        await client.read(site.url, bytes, lane=slow)
        waiting = asyncio.create_task(client.read(site.url, bytes, lane=slow))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        (tmp_path / "one.next").unlink()
        other = Client(folder=tmp_path, clock=lambda: datetime.now(UTC))
        return await asyncio.wait_for(other.read(site.url, bytes, lane=slow), 5)

    assert asyncio.run(run()) == b"here"
    assert len(site.asked) == 2


def test_an_answer_that_is_cancelled_frees_the_lane(site: Site, tmp_path: Path) -> None:
    async def run() -> bytes:
        client = Client(folder=tmp_path, clock=lambda: datetime.now(UTC))
        waiting = asyncio.create_task(client.read(site.url + "/slow", bytes, lane=AT_ONCE))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await asyncio.wait_for(client.read(site.url, bytes, lane=AT_ONCE), 5)

    site.pages["/slow"] = Answer(body=b"z" * 100, drip=0.05)
    assert asyncio.run(run()) == b"here"


def test_a_lock_that_cannot_be_made_is_said_and_nothing_is_asked(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    text = said(site.url, folder=tmp_path / "file" / "http")
    assert "cannot be locked, so nothing is asked for: Not a directory; make its folder writable" in text
    assert site.asked == []


def test_a_pace_and_a_cache_that_cannot_be_written_stop_nothing(site: Site, tmp_path: Path) -> None:
    lane = Lane(name="one", seconds=0.2)
    (tmp_path / "one.next").mkdir()
    (tmp_path / "pages").touch()
    site.pages["/"] = Answer(body=b"here", headers={"ETag": '"1"'})
    for _ in range(2):
        assert read(site.url, lane=lane, cached=True, folder=tmp_path) == b"here"
    assert len(site.asked) == 2
