"""Delivering in several processes: every mail once, whoever is killed, stopped or asked to end."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from digestbot.cli.delivering import Delivering, deliver
from digestbot.cli.installation import Installation
from digestbot.cli.times import Standing
from digestbot.models import DeliveryState
from digestbot.settings import read_settings
from tests.cli.posts import CONNECTIONS, WORKERS, PostOffice, is_alive, post_office, repeats, said, until, workers
from tests.factories import NOW
from tests.pipeline.fickle import Fickle
from tests.pipeline.program import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them")

MAILS = 40
# As many as `send` starts processes for.
MANY = 320
SOON = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Fickle]:
    with Fickle(tmp_path / "arrived", Random(1)) as started:
        yield started


@pytest.fixture
def office(tmp_path: Path, server: Fickle) -> Iterator[PostOffice]:
    folder = tmp_path / "installation"
    folder.mkdir()
    with post_office(folder, server.port, MAILS) as made:
        yield made


@pytest.fixture
def large_office(tmp_path: Path, server: Fickle) -> Iterator[PostOffice]:
    folder = tmp_path / "large"
    folder.mkdir()
    with post_office(folder, server.port, MANY) as made:
        yield made


def all_have_it(office: PostOffice, server: Fickle, many: int = MAILS, again: int = 0) -> None:
    """Every reader has a mail, the ledger says so, and no more came twice than may."""
    assert office.states() == {"sent": many}
    assert set(server.files()) == set(office.sent())
    assert repeats(server.taken) <= again


def test_processes_share_the_outbox_and_every_mail_goes_out_once(office: PostOffice, server: Fickle) -> None:
    # However long one of them takes to start, the other cannot do it all before.
    server.seconds = 2.0
    running = office.deliver()
    until(lambda: len(office.in_hand()) == WORKERS)
    server.seconds = 0.0
    assert said(running) == {"sent": MAILS, "stopped": "", "refused": False}
    all_have_it(office, server)


def test_two_that_were_started_together_send_everything_once(office: PostOffice, server: Fickle) -> None:
    server.seconds = 0.02
    ends = [said(one) for one in (office.deliver(), office.deliver())]
    assert sum(end.get("sent", 0) for end in ends) == MAILS
    assert [end["stopped"] for end in ends] == ["", ""]
    all_have_it(office, server)


def test_what_a_killed_process_had_in_hand_goes_out_within_seconds(office: PostOffice, server: Fickle) -> None:
    server.seconds = 0.2
    running = office.deliver()
    server.wait_for(lambda: server.seen > 2 * CONNECTIONS)
    os.kill(workers(running)[0], signal.SIGKILL)
    server.seconds = 0.0
    out, err = running.communicate(timeout=SOON)
    assert (running.returncode, json.loads(out)["stopped"]) == (0, "")
    assert "a process that delivers ended early" in err
    assert "Traceback" not in err
    all_have_it(office, server, again=CONNECTIONS)


def test_a_sibling_takes_up_what_a_killed_process_had_in_hand_and_does_not_wait_for_the_end(
    office: PostOffice, server: Fickle
) -> None:
    server.seconds = 0.5
    running = office.deliver()
    server.wait_for(lambda: server.seen > WORKERS * CONNECTIONS)
    victim = workers(running)[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(office.in_hand()) == WORKERS)
    before = office.in_hand()
    # Of the two runs one is dead, and what it had is the other's within seconds while that still has work.
    until(lambda: len(office.in_hand()) == 1, SOON)
    [left] = office.in_hand()
    assert left in before
    assert workers(running)
    assert office.states().keys() & {"pending", "sending"}
    server.seconds = 0.0
    running.communicate(timeout=SOON)
    all_have_it(office, server, again=CONNECTIONS)


def test_the_one_that_started_them_does_the_rest_when_all_of_them_are_killed(
    office: PostOffice, server: Fickle
) -> None:
    server.seconds = 0.2
    running = office.deliver()
    server.wait_for(lambda: server.seen > CONNECTIONS)
    until(lambda: len(workers(running)) == WORKERS)
    for worker in workers(running):
        os.kill(worker, signal.SIGKILL)
    server.seconds = 0.0
    out, _ = running.communicate(timeout=SOON)
    assert (running.returncode, json.loads(out)["stopped"]) == (0, "")
    all_have_it(office, server, again=WORKERS * CONNECTIONS)


def test_processes_end_by_themselves_when_the_one_that_started_them_is_killed(
    office: PostOffice, server: Fickle
) -> None:
    server.seconds = 0.2
    running = office.deliver()
    server.wait_for(lambda: server.seen > CONNECTIONS)
    children = workers(running)
    running.kill()
    until(lambda: not any(map(is_alive, children)), SOON)
    # What they had in hand went out and is marked.
    states = office.states()
    assert states.keys() == {"sent", "pending"}
    assert states["sent"] == len(server.taken)
    said(office.deliver())
    all_have_it(office, server)


def test_a_stopped_process_keeps_its_mails_while_others_finish_and_then_goes_on(
    office: PostOffice, server: Fickle
) -> None:
    server.seconds = 0.2
    running = office.deliver()
    server.wait_for(lambda: server.seen > 2 * CONNECTIONS)
    sleeper = workers(running)[0]
    held = stopped_with_mails(office, sleeper)
    server.seconds = 0.0
    # Longer than it takes to look for the dead, twice.
    until(lambda: office.states() == {"sent": MAILS - len(held), "sending": len(held)})
    ends = said(office.deliver())
    assert ends == {"stopped": "", "refused": False}
    assert set().union(*office.in_hand().values()) == held
    os.kill(sleeper, signal.SIGCONT)
    assert said(running)["stopped"] == ""
    all_have_it(office, server)


def stopped_with_mails(office: PostOffice, process: int) -> set[int]:
    """Stop a process that has mails in hand, at a moment when it does not keep others from writing; return which."""
    for _ in range(100):
        before = office.in_hand()
        os.kill(process, signal.SIGSTOP)
        time.sleep(0.3)
        # The one whose mails stay the same is the one that sleeps.
        one, other = office.in_hand(), before
        time.sleep(0.3)
        held = [owner for owner, mails in office.in_hand().items() if one.get(owner) == other.get(owner) == mails]
        if len(held) == 1:
            return office.in_hand()[held[0]]
        os.kill(process, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("it was never stopped with mails in hand")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_send_that_is_asked_to_end_finishes_what_is_in_hand_and_says_what_waits(
    large_office: PostOffice, server: Fickle, number: signal.Signals
) -> None:
    server.seconds = 0.1
    running = large_office.send()
    server.wait_for(lambda: server.seen > 2 * CONNECTIONS)
    # As Ctrl-C does, and a service manager: all of them hear it.
    os.killpg(running.pid, number)
    out, err = running.communicate(timeout=SOON)
    states = large_office.states()
    assert running.returncode == 1
    assert out == f"0 composed; {states['sent']} sent\n"
    assert err == f"digestbot: ended by a signal; {states['pending']} mails wait for the next 'digestbot send'\n"
    assert states.keys() == {"sent", "pending"}
    assert len(server.taken) == states["sent"] < MANY
    server.seconds = 0.0
    done = said(large_office.send("--json"))
    assert (done["sent"], done["stopped"]) == (states["pending"], "")
    all_have_it(large_office, server, MANY)


def test_ctrl_c_at_any_moment_of_the_start_ends_it_without_a_traceback(office: PostOffice, server: Fickle) -> None:
    server.seconds = 0.1
    running = office.deliver()
    until(lambda: bool(workers(running)))
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=SOON)
    assert (running.returncode, err) == (0, "")
    assert json.loads(out)["stopped"] == ""
    assert office.states()["pending"] > 0
    said(office.deliver())
    all_have_it(office, server)


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(office: PostOffice, server: Fickle) -> None:
    server.seconds = 30.0
    running = office.deliver()
    server.wait_for(lambda: server.seen >= CONNECTIONS)
    children = workers(running)
    running.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=SOON)
    assert not any(map(is_alive, children))
    server.seconds = 0.0
    said(office.deliver())
    all_have_it(office, server, again=WORKERS * CONNECTIONS)


def test_a_process_that_alone_is_asked_to_end_leaves_nobody_without_a_mail(office: PostOffice, server: Fickle) -> None:
    server.seconds = 0.1
    running = office.deliver()
    server.wait_for(lambda: server.seen > CONNECTIONS)
    for worker in workers(running):
        os.kill(worker, signal.SIGTERM)
    assert said(running) == {"sent": MAILS, "stopped": "", "refused": False}
    all_have_it(office, server)


def test_a_server_that_refuses_us_stops_all_processes(office: PostOffice, server: Fickle) -> None:
    server.seconds, server.reply = 0.1, b"550 5.7.1 your network is not welcome\r\n"
    ends = said(office.deliver())
    assert (ends["refused"], "5.7.1 your network" in ends["stopped"]) == (True, True)
    # No more than the mails in hand were tried.
    assert server.seen <= WORKERS * CONNECTIONS
    assert sum(office.states()[state] for state in ("pending", "deferred")) == MAILS


def test_a_server_that_is_not_there_is_an_error_within_seconds_and_everything_waits(
    large_office: PostOffice, free_port: Callable[[], int]
) -> None:
    large_office.port = free_port()
    large_office.write_settings()
    began = time.monotonic()
    running = large_office.send("--json")
    out, err = running.communicate(timeout=SOON)
    assert time.monotonic() - began < SOON
    assert running.returncode == 1
    assert err.splitlines()[-1].startswith("digestbot: the run stopped: no connection to the SMTP server")
    assert json.loads(out)["sent"] == 0
    assert large_office.states() == {"pending": MANY}


def test_on_a_terminal_a_bar_shows_how_far_it_is(large_office: PostOffice, server: Fickle) -> None:
    server.seconds = 0.02
    terminal, side = pty.openpty()
    running = large_office.send(stderr=side)
    os.close(side)
    shown = b""
    # Linux says EIO when the last process has closed its side.
    try:
        while found := os.read(terminal, 65536):
            shown += found
    except OSError:
        pass
    finally:
        os.close(terminal)
    out, _ = running.communicate(timeout=PATIENCE)
    assert out == f"0 composed; {MANY} sent\n"
    assert f"0/{MANY}".encode() in shown
    assert b"a second" in shown


def test_mails_that_wait_for_their_rate_are_not_asked_for_again_and_again(tmp_path: Path, server: Fickle) -> None:
    with post_office(tmp_path, server.port, 8) as office, closing(office.store()) as store:
        office.write_settings("per_second = 5\n")
        log = tmp_path / "digestbot.sqlite-wal"
        store.database.connection.execute("pragma wal_checkpoint(truncate)")
        installation = Installation(read_settings(office.settings, {}, folder=tmp_path), {})
        began = time.monotonic()
        outcome = deliver(installation, Delivering(clock=Standing(NOW)))
        took, written = time.monotonic() - began, log.stat().st_size
        installation.close()
    assert outcome.counts == {DeliveryState.SENT: 8}
    # The bucket holds one.
    assert took > 7 / 5
    # Asking writes down what is left: for a second and a half it would be megabytes.
    assert written < 1_000_000, written
