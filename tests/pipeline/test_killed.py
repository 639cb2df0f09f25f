"""``kill -9`` in the middle of a ``send``: nobody is lost, and few get a mail twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from digestbot.models import DeliveryState
from tests.factories import NOW, new_store, paper
from tests.pipeline.peers import Post, join, listening
from tests.pipeline.program import PATIENCE, command, done, environ

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


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
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
