"""A real Postfix takes what we send, and refuses, puts off and bounces as mail servers do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.models import SubscriberState
from tests.factories import NOW, digest, new_store, paper
from tests.judges.postfix import postfix
from tests.pipeline.peers import Post, join, listening
from tests.pipeline.program import PATIENCE, command, done, environ, until

ADA, BUSY, GONE, GREY, LATE = (f"{name}@example.org" for name in ("ada", "busy", "gone", "grey", "late"))
ANSWERS = {
    GONE: "550 5.1.1 User unknown",
    BUSY: "451 4.3.0 Mail server temporarily rejected message",
    GREY: "450 4.7.1 Greylisted, see you in five minutes",
}
BOUNCES = "bounce.example.org"
# Whom the Postfix hands on to a server that knows them no more.
NO_MORE = {LATE: "550 5.1.1 the mailbox is no more"}


@pytest.fixture
def settings(tmp_path: Path, free_port: Callable[[], int]) -> tuple[Path, int]:
    port = free_port()
    path = tmp_path / "settings.toml"
    path.write_text(
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[mail]\nsender = "digestbot <digestbot@example.org>"\nbounce_domain = "{BOUNCES}"\n',
        encoding="utf-8",
    )
    with closing(new_store(tmp_path / "digestbot.sqlite")) as store:
        store.papers.add([paper(number) for number in (1, 2, 3)], NOW)
        for address in (ADA, BUSY, GONE, GREY, LATE):
            reader = join(store, address.partition("@")[0])
            one = digest(*(paper(number) for number in (1, 2, 3)), reader=reader)
            store.digests.add([(one, digest_delivery(one, reader, domain="example.org"))])
    return path, port


def test_what_a_postfix_says_is_understood_and_its_report_suppresses_who_is_gone(
    settings: tuple[Path, int],
    peer: Callable[[str], str],
    free_port: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, port = settings
    with (
        listening(Post(free_port(), to_recipient=NO_MORE)) as behind,
        postfix(
            peer("postfix"),
            port,
            answers=ANSWERS,
            routes={LATE: behind.port, BOUNCES: behind.port},
        ) as server,
    ):
        done(path, "send", "--at", NOW.isoformat(), "--json")
        said = json.loads(capsys.readouterr().out)
        assert {name: said[name] for name in ("sent", "deferred", "failed", "stopped")} == {
            "sent": 2,
            "deferred": 2,
            "failed": 1,
            "stopped": "",
        }
        until(lambda: bool(behind.taken))
        assert f"to=<{ADA}>, relay=none" in server.log.read_text(encoding="utf-8")

    with closing(new_store(path.parent / "digestbot.sqlite")) as store:
        rows = store.database.rows("select address, state, smtp_code, smtp_text from deliveries")
        ends = {row["address"]: (row["state"], row["smtp_code"]) for row in rows}
        assert ends == {
            ADA: ("sent", 250),
            LATE: ("sent", 250),
            BUSY: ("deferred", 451),
            GREY: ("deferred", 450),
            GONE: ("failed", 550),
        }
        assert store.suppressions.suppressed([ADA, BUSY, GONE, GREY, LATE]) == {GONE}

    # The report comes as a mail server's alias hands it on.
    [(to, report)] = behind.taken
    assert to.endswith(f"@{BOUNCES}")
    assert b"multipart/report" in report
    piped = subprocess.run(
        command(path, "bounce"), input=report, capture_output=True, timeout=PATIENCE, env=environ(), check=False
    )
    assert piped.returncode == 0, piped.stderr
    with closing(new_store(path.parent / "digestbot.sqlite")) as store:
        assert store.suppressions.suppressed([ADA, BUSY, GONE, GREY, LATE]) == {GONE, LATE}
        assert store.subscribers.by_email(LATE).state == SubscriberState.BOUNCED
        assert store.subscribers.by_email(ADA).state == SubscriberState.ACTIVE
