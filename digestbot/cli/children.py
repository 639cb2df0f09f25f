"""Processes that do parts of one command, each with an installation of its own.

None outlives the one that started them, and none hears a signal: Ctrl-C reaches all processes of a terminal, at
whatever moment of their start, and the one that was called decides.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.resource_tracker
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Generic, TypeVar

from digestbot.errors import DigestbotError

if TYPE_CHECKING:
    from digestbot.cli.installation import Installation
    from digestbot.settings import Settings

T = TypeVar("T")

SPAWN = multiprocessing.get_context("spawn")
# What ends a program.
ENDING = (signal.SIGINT, signal.SIGTERM)


class LostError(DigestbotError):
    """A process ended before it answered."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """What went wrong in a process, in place of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Child(Generic[T]):
    """A process, and where its answer comes."""

    process: multiprocessing.process.BaseProcess
    receiving: Connection

    def answer(self) -> T:
        """Wait for what its task returned.

        Raises ``LostError`` when it ended without a word, and a ``DigestbotError`` of what went wrong in it.
        """
        try:
            found: T | _Problem = self.receiving.recv()
        except EOFError as error:
            raise LostError(f"process {self.process.pid} ended early") from error
        if isinstance(found, _Problem):
            raise DigestbotError(found.text)
        return found


@contextmanager
def children(installation: Installation, tasks: Sequence[Callable[[Installation], T]]) -> Iterator[list[Child[T]]]:
    """Do each task in a process, and yield these in the same order; what ends the block early ends them too."""
    started: list[Child[T]] = []
    try:
        for task in tasks:
            receiving, sending = SPAWN.Pipe(duplex=False)
            process = SPAWN.Process(
                target=_do,
                args=(installation.settings, installation.environ, installation.verbose, task, sending),
            )
            # The end that sends is theirs alone, so that it closes when they end. One that is half started would
            # complain about a signal.
            with sending, _deaf():
                process.start()
                started.append(Child(process, receiving))
        yield started
    except BaseException:
        for child in started:
            # What they stored is whole, and nothing else of theirs needs an orderly end.
            child.process.kill()
        raise
    finally:
        for child in started:
            child.receiving.close()
            child.process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """Let the signals wait until the end of the block; a process that is started in it has them blocked."""
    # Windows has no such masks.
    if sys.platform == "win32":
        yield
        return
    # Its own start would let them in again.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(
    settings: Settings,
    environ: Mapping[str, str],
    verbose: bool,
    task: Callable[[Installation], object],
    sending: Connection,
) -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    from digestbot import observe
    from digestbot.cli.installation import Installation

    # First of all: without it warnings would go to stdout.
    observe.configure(sys.stderr, verbose=verbose)
    installation = Installation(settings, environ, verbose=verbose)
    answer: object
    try:
        answer = task(installation)
    except DigestbotError as error:
        answer = _Problem(str(error))
    finally:
        installation.close()
    sending.send(answer)


def when_orphaned(act: Callable[[], object]) -> None:
    """Act, in a thread of this process, when the one that started it has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_act, args=(parent.sentinel, act), daemon=True).start()


def _wait_and_act(sentinel: int, act: Callable[[], object]) -> None:
    wait([sentinel])
    act()
