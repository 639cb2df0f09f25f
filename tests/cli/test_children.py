"""Processes that do parts of a command: what each answers, and what becomes of one that is told to end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from digestbot.cli.children import LostError, children
from digestbot.cli.installation import Installation
from digestbot.errors import DigestbotError
from digestbot.settings import read_settings
from tests.required import needs_posix

pytestmark = needs_posix


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(read_settings(None, {}, folder=tmp_path), {})


def number_after_signals(number: int, _: Installation) -> int:
    """Return a number, unless a signal that ends a program is heard."""
    for one in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), one)
    return number


def nothing_but_a_problem(_: Installation) -> int:
    raise DigestbotError("the disk is on fire; put it out")


def end_without_a_word(_: Installation) -> int:
    os._exit(1)


def wait_for_ever(_: Installation) -> int:
    signal.pause()
    return 0


def test_each_process_answers_for_itself_and_hears_no_signal(installation: Installation) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    tasks: list[Callable[[Installation], int]] = [
        partial(number_after_signals, 1),
        nothing_but_a_problem,
        end_without_a_word,
    ]
    with children(installation, tasks) as working:
        first, second, third = working
        assert first.answer() == 1
        with pytest.raises(DigestbotError, match="the disk is on fire; put it out"):
            second.answer()
        with pytest.raises(LostError):
            third.answer()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert [one.process.exitcode for one in working] == [0, 0, 1]


def test_what_ends_the_block_early_ends_the_processes(installation: Installation) -> None:
    with pytest.raises(KeyboardInterrupt), children(installation, [wait_for_ever]) as working:
        raise KeyboardInterrupt
    assert [one.process.exitcode for one in working] == [-signal.SIGKILL]
