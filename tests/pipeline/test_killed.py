"""``kill -9`` in the middle of a ``send``: nobody is lost, and few get a mail twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestbot.models import DeliveryState
from tests.factories import NOW, new_store, paper
from tests.pipeline.peers import Post, join, listening
from tests.pipeline.program import PATIENCE, command, done, environ
from tests.required import needs_posix

READERS = 12
CONNECTIONS = 3
AT = "2025-05-27T08:00"


def installation(folder: Path, port: int, policy: str) -> Path:
    settings = folder / "settings.toml"
    settings.write_text(
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nconnections = {CONNECTIONS}\non_uncertain = "{policy}"\n'
        '[mail]\nsender = "digestbot <digestbot@example.org>"\n',
        encoding="utf-8",
    )
    store = new_store(folder / "digestbot.sqlite")
    store.papers.add([paper(number) for number in range(1, 6)], NOW)
    for number in range(READERS):
        join(store, f"reader{number:02}")
    store.close()
    return settings


@needs_posix
@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_a_send_that_is_killed_loses_nobody(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    with listening(Post(free_port(), seconds=0.1)) as server:
        settings = installation(tmp_path, server.port, policy)
        victim = subprocess.Popen(
            command(settings, "send", "--at", AT), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ()
        )
        try:
            server.wait_for(lambda: len(server.seen) >= READERS // 2, PATIENCE)
        finally:
            os.kill(victim.pid, signal.SIGKILL)
            _, complaints = victim.communicate(timeout=PATIENCE)
        assert victim.returncode == -signal.SIGKILL, complaints

        store = new_store(tmp_path / "digestbot.sqlite")
        before = store.outbox.counts()
        assert 1 <= before[DeliveryState.SENDING] <= CONNECTIONS
        assert before[DeliveryState.PENDING] > 0

        server.seconds = 0.0
        done(settings, "send", "--at", AT, "--json")
        said = json.loads(capsys.readouterr().out)
        assert (said["composed"], said["stopped"]) == (0, "")
        after = store.outbox.counts()
        store.close()

    seen = server.message_ids()
    assert all(len(ids) == 1 for ids in seen.values()), "a mail that goes out again keeps its Message-ID"
    repeats = sum(sum(ids.values()) - 1 for ids in seen.values())
    if policy == "resend":
        assert after == {DeliveryState.SENT: READERS}
        assert len(set(server.addresses())) == READERS
        assert repeats <= CONNECTIONS
    else:
        assert after == {
            DeliveryState.SENT: READERS - before[DeliveryState.SENDING],
            DeliveryState.HELD: before[DeliveryState.SENDING],
        }
        assert repeats == 0
        assert said["held"] == before[DeliveryState.SENDING]


@pytest.mark.slow
@needs_posix
def test_torture_killed_at_any_moment_again_and_again(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    kills = 60 if os.environ.get("DIGESTBOT_SOAK") == "1" else 2
    moments = random.Random(20250527)
    with listening(Post(free_port(), seconds=0.05)) as server:
        settings = installation(tmp_path, server.port, "resend")
        store = new_store(tmp_path / "digestbot.sqlite")
        store.papers.add(
            [
                paper(100 * day + number, announced=NOW.date() + timedelta(days=day))
                for day in range(1, kills // 3 + 1)
                for number in range(4)
            ],
            NOW,
        )
        store.close()
        hit = 0
        for day in range(kills):
            at = (datetime.fromisoformat(AT) + timedelta(days=day // 3)).isoformat()
            victim = subprocess.Popen(
                command(settings, "send", "--at", at), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ()
            )
            try:
                victim.wait(timeout=moments.uniform(0.3, 3.0))
            except subprocess.TimeoutExpired:
                hit += 1
                victim.kill()
            victim.communicate(timeout=PATIENCE)
        last = (datetime.fromisoformat(AT) + timedelta(days=(kills - 1) // 3)).isoformat()
        done(settings, "send", "--at", last, "--json")
        capsys.readouterr()
        store = new_store(tmp_path / "digestbot.sqlite")
        states = store.outbox.counts()
        days = store.database.rows("select subscriber_id, local_day, count(*) as many from digests group by 1, 2")
        papers = store.database.rows(
            "select subscriber_id, paper_id, count(*) as many from digest_items join deliveries using (digest_id)"
            " where state in ('sent', 'held') group by 1, 2"
        )
        store.close()
    seen = server.message_ids()
    assert hit > 0
    assert len(set(server.addresses())) == READERS
    assert all(row["many"] == 1 for row in [*days, *papers])
    assert not {DeliveryState.SENDING, DeliveryState.PENDING, DeliveryState.FAILED} & states.keys()
    repeats = sum(sum(ids.values()) - len(ids) for ids in seen.values())
    assert repeats <= hit * CONNECTIONS
