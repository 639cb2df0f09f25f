"""Delivering in several processes: every mail once, whoever is killed, stopped or asked to end."""

from __future__ import annotations

import json
import os
import pty
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from digestbot.cli.delivering import Delivering, deliver
from digestbot.cli.installation import Installation
from digestbot.cli.times import Standing
from digestbot.models import DeliveryState
from digestbot.pipeline.run import Outcome
from digestbot.settings import read_settings
from tests.cli.posts import CONNECTIONS, WORKERS, PostOffice, is_alive, post_office, repeats, said, stop, workers
from tests.factories import NOW
from tests.pipeline.fickle import Fickle
from tests.pipeline.program import PATIENCE, until
from tests.required import needs_linux

pytestmark = needs_linux

MAILS = 40
# As many as `send` starts processes for.
MANY = 320
# Seconds for a mail, so that all of MANY would take a minute: nobody has done them all before something else happens.
SLOW = 1.0


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
    """Every reader has a mail, the ledger says so, and so many came twice."""
    assert office.states() == {"sent": many}
    assert set(server.files()) == set(office.sent())
    assert repeats(server.taken) == again


def all_wait_for(server: Fickle, processes: int = WORKERS) -> None:
    """Wait until so many processes have all mails in hand that they may have, and the server keeps them."""
    server.wait_for(lambda: server.kept == processes * CONNECTIONS)


def test_processes_share_the_outbox_and_every_mail_goes_out_once(office: PostOffice, server: Fickle) -> None:
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    assert [len(mails) for mails in office.in_hand().values()] == [CONNECTIONS] * WORKERS
    server.let_go()
    assert said(running) == {"sent": MAILS, "stopped": "", "refused": False}
    all_have_it(office, server)


def test_two_that_were_started_together_send_everything_once(office: PostOffice, server: Fickle) -> None:
    server.keep()
    both = [office.deliver(), office.deliver()]
    all_wait_for(server, 2 * WORKERS)
    server.let_go()
    ends = [said(one) for one in both]
    assert sum(end["sent"] for end in ends) == MAILS
    assert [end["stopped"] for end in ends] == ["", ""]
    all_have_it(office, server)


def test_what_a_killed_process_had_in_hand_goes_out_again_without_a_new_start(
    office: PostOffice, server: Fickle
) -> None:
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    os.kill(workers(running.pid)[0], signal.SIGKILL)
    server.let_go()
    out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, json.loads(out)["stopped"]) == (0, "")
    assert "a process that delivers ended early" in err
    assert "Traceback" not in err
    all_have_it(office, server, again=CONNECTIONS)


def test_a_sibling_takes_up_what_a_killed_process_had_in_hand_and_does_not_wait_for_the_end(
    large_office: PostOffice, server: Fickle
) -> None:
    server.keep()
    running = large_office.deliver()
    all_wait_for(server)
    before = large_office.in_hand()
    os.kill(workers(running.pid)[0], signal.SIGKILL)
    server.seconds = SLOW
    server.let_go()

    def only_the_sibling_has_mails() -> bool:
        now = large_office.in_hand()
        return len(now) == 1 and all(mails.isdisjoint(before[owner]) for owner, mails in now.items())

    until(only_the_sibling_has_mails)
    assert workers(running.pid)
    assert "pending" in large_office.states()
    server.seconds = 0.0
    running.communicate(timeout=PATIENCE)
    all_have_it(large_office, server, MANY, again=CONNECTIONS)


def test_the_one_that_started_them_does_the_rest_when_all_of_them_are_killed(
    office: PostOffice, server: Fickle
) -> None:
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    for worker in workers(running.pid):
        os.kill(worker, signal.SIGKILL)
    server.let_go()
    out, _ = running.communicate(timeout=PATIENCE)
    assert (running.returncode, json.loads(out)["stopped"]) == (0, "")
    all_have_it(office, server, again=WORKERS * CONNECTIONS)


def test_processes_end_by_themselves_when_the_one_that_started_them_is_killed(
    large_office: PostOffice, server: Fickle
) -> None:
    server.keep()
    running = large_office.deliver()
    all_wait_for(server)
    children = workers(running.pid)
    server.seconds = SLOW
    running.kill()
    server.let_go()
    until(lambda: not any(map(is_alive, children)))
    # What they had in hand went out and is marked.
    states = large_office.states()
    assert states.keys() == {"sent", "pending"}
    assert states["sent"] == len(server.taken)
    server.seconds = 0.0
    large_office.deliver_here()
    all_have_it(large_office, server, MANY)


def test_a_stopped_process_keeps_its_mails_while_others_finish_and_then_goes_on(
    office: PostOffice, server: Fickle
) -> None:
    server.keep()
    running = office.deliver()
    # All of them wait for the server, so that none has locked the database.
    all_wait_for(server)
    sleeper = workers(running.pid)[0]
    stop(sleeper)
    server.let_go()
    until(lambda: office.states() == {"sent": MAILS - CONNECTIONS, "sending": CONNECTIONS})
    # A new start looks for the dead.
    assert office.deliver_here() == Outcome()
    assert office.states() == {"sent": MAILS - CONNECTIONS, "sending": CONNECTIONS}
    os.kill(sleeper, signal.SIGCONT)
    assert said(running)["stopped"] == ""
    all_have_it(office, server)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_send_that_is_asked_to_end_finishes_what_is_in_hand_and_says_what_waits(
    large_office: PostOffice, server: Fickle, number: signal.Signals
) -> None:
    server.keep()
    running = large_office.send()
    all_wait_for(server)
    server.seconds = SLOW
    # As Ctrl-C does, and a service manager: all of them hear it.
    os.killpg(running.pid, number)
    server.let_go()
    out, err = running.communicate(timeout=PATIENCE)
    states = large_office.states()
    assert running.returncode == 1
    assert out == f"0 composed; {states['sent']} sent\n"
    assert err == f"digestbot: ended by a signal; {states['pending']} mails wait for the next 'digestbot send'\n"
    assert states.keys() == {"sent", "pending"}
    assert len(server.taken) == states["sent"] < MANY
    server.seconds = 0.0
    assert large_office.deliver_here() == Outcome(Counter({DeliveryState.SENT: states["pending"]}))
    all_have_it(large_office, server, MANY)


def test_ctrl_c_at_any_moment_of_the_start_ends_it_without_a_traceback(
    large_office: PostOffice, server: Fickle
) -> None:
    server.seconds = SLOW
    running = large_office.deliver()
    until(lambda: bool(workers(running.pid)))
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, "")
    assert json.loads(out)["stopped"] == ""
    assert large_office.states()["pending"] > 0
    server.seconds = 0.0
    large_office.deliver_here()
    all_have_it(large_office, server, MANY)


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(office: PostOffice, server: Fickle) -> None:
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    children = workers(running.pid)
    running.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert running.poll() is None
    # Another one: two of the same at once would be heard as one.
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE)
    assert not any(map(is_alive, children))
    server.let_go()
    office.deliver_here()
    all_have_it(office, server, again=WORKERS * CONNECTIONS)


def test_a_process_that_alone_is_asked_to_end_leaves_nobody_without_a_mail(office: PostOffice, server: Fickle) -> None:
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    for worker in workers(running.pid):
        os.kill(worker, signal.SIGTERM)
    server.let_go()
    assert said(running) == {"sent": MAILS, "stopped": "", "refused": False}
    all_have_it(office, server)


def test_a_server_that_refuses_us_stops_all_processes(office: PostOffice, server: Fickle) -> None:
    server.reply = b"550 5.7.1 your network is not welcome\r\n"
    server.keep()
    running = office.deliver()
    all_wait_for(server)
    server.let_go()
    ends = said(running)
    assert (ends["refused"], "5.7.1 your network" in ends["stopped"]) == (True, True)
    # The third answer stops each of them: after the first two, other mails were begun.
    assert server.seen <= WORKERS * (CONNECTIONS + 2)
    assert sum(office.states()[state] for state in ("pending", "deferred")) == MAILS


def test_a_server_that_is_not_there_is_an_error_and_everything_waits(
    large_office: PostOffice, free_port: Callable[[], int]
) -> None:
    large_office.port = free_port()
    large_office.write_settings()
    running = large_office.send("--json")
    out, err = running.communicate(timeout=PATIENCE)
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
