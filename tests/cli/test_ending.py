"""What ``send`` says is left when it is asked to end: also what others have in hand."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from digestbot.models import Claim
from tests.cli.posts import CONNECTIONS, PostOffice, post_office
from tests.factories import NOW
from tests.pipeline.fickle import Fickle
from tests.pipeline.program import PATIENCE
from tests.required import needs_posix

pytestmark = needs_posix


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Fickle]:
    with Fickle(tmp_path / "arrived", Random(1)) as started:
        yield started


def ended_by_signal(office: PostOffice, server: Fickle) -> str:
    """Let ``send`` end while it has as many mails in hand as it has connections; return what it says of the rest."""
    server.seconds = 0.5
    running = office.send()
    server.wait_for(lambda: server.seen == CONNECTIONS)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, out) == (1, f"0 composed; {CONNECTIONS} sent\n")
    return err


@pytest.mark.parametrize(
    ("waiting", "says"),
    [(1, "1 mail waits for the next 'digestbot send'"), (0, "0 mails wait for the next 'digestbot send'")],
)
def test_mails_that_another_process_has_in_hand_are_not_done_and_are_told_of(
    tmp_path: Path, server: Fickle, waiting: int, says: str
) -> None:
    with post_office(tmp_path, server.port, CONNECTIONS + waiting + 2) as office, closing(office.store()) as store:
        store.outbox.open_run("another")
        claims = [Claim(delivery=one) for one in store.outbox.waiting(2, NOW)]
        assert len(store.outbox.settle(NOW, NOW, claims=claims).claimed) == 2
        said = ended_by_signal(office, server)
        store.outbox.close_run()
    assert said == (
        f"digestbot: ended by a signal; {says}, and 2 more unless the process that has them in hand sends them\n"
    )
