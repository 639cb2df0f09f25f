"""Delivering what waits: here, or, when much does, in processes that share it."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import multiprocessing.resource_tracker
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeAlias

import structlog

from digestbot.cli.times import Clock, utc_now
from digestbot.errors import DigestbotError
from digestbot.models import EVERYTHING, DeliveryState, Share, SubscriberId

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Mapping, Sequence

    from rich.progress import TaskID

    from digestbot.cli.installation import Installation
    from digestbot.pipeline.deliver import Outcome
    from digestbot.settings import Settings

log = structlog.get_logger()

# Below this the others take longer to start than they save.
_MANY = 300
_LOOK_SECONDS = 0.2

_SPAWN = multiprocessing.get_context("spawn")
_STATES = tuple(DeliveryState)
_ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """How one run of delivering goes: at what time, for whom, until when, and who hears how far it is.

    ``clock`` goes to other processes, too, when much waits. ``ending`` is asked whether to begin no other mail;
    ``begun`` hears how many wait, and ``progress`` how many of them ended how by now.
    """

    clock: Clock = utc_now
    only: SubscriberId | None = None
    ending: Callable[[], bool] = lambda: False
    begun: Callable[[int], None] = lambda _waiting: None
    progress: Callable[[Counter[DeliveryState]], None] = lambda _counts: None


def deliver(installation: Installation, how: Delivering, *, many: int = _MANY) -> Outcome:
    """Deliver the outbox and return what came of it."""
    waiting = installation.store.outbox.how_many_wait(how.clock(), only=how.only)
    how.begun(waiting)
    workers = installation.delivering_processes
    if workers == 1 or waiting < many:
        return _deliver_here(installation, how)
    outcome, lost = _deliver_there(installation, how, workers)
    if lost and not (outcome.stopped or how.ending()):
        # What they had in hand, and what nobody took up.
        done = outcome.counts.copy()
        rest = _deliver_here(installation, replace(how, progress=lambda counts: how.progress(done + counts)))
        outcome.counts.update(rest.counts)
        outcome.stopped, outcome.refused = rest.stopped, rest.refused
    return outcome


def _deliver_here(installation: Installation, how: Delivering) -> Outcome:
    counts: Counter[DeliveryState] = Counter()

    def count(state: DeliveryState, many: int) -> None:
        counts[state] += many
        how.progress(counts)

    return _drain(installation, how, EVERYTHING, count)


def _drain(
    installation: Installation, how: Delivering, share: Share, count: Callable[[DeliveryState, int], None]
) -> Outcome:
    with installation.deliverer(share) as deliverer, _event_loop() as run:
        return run(deliverer.deliver(how.clock, moment=utc_now, only=how.only, ending=how.ending, count=count))


@contextmanager
def _event_loop() -> Iterator[Callable[..., Outcome]]:
    """Yield what runs a coroutine to its end: in the loop of uvloop, where that is installed."""
    try:
        faster = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        faster = None
    with asyncio.Runner(loop_factory=faster) as runner:
        yield runner.run


# Processes that share the outbox


# Without locks: one who is killed would take them along. Each counts for itself, in the order of _STATES.
_Counts: TypeAlias = "ctypes.Array[ctypes.c_longlong]"
_Flag: TypeAlias = "ctypes.c_byte"


@dataclass(slots=True)
class _Worker:
    """A process that delivers, what it has counted, and where its answer comes."""

    process: multiprocessing.process.BaseProcess
    counts: _Counts
    answer: Connection


def _counted(workers: Sequence[_Worker]) -> Counter[DeliveryState]:
    counts: Counter[DeliveryState] = Counter()
    for worker in workers:
        counts.update({state: many for state, many in zip(_STATES, worker.counts, strict=True) if many})
    return counts


def _deliver_there(installation: Installation, how: Delivering, processes: int) -> tuple[Outcome, bool]:
    """Let processes deliver; return what came of it, and whether one was lost."""
    from digestbot.pipeline.deliver import Outcome

    outcome, lost, ending = Outcome(), False, _SPAWN.RawValue("b", 0)
    with _working(installation, how, processes, ending) as workers:
        working = list(workers)
        while working:
            ready = wait([one.answer for one in working], timeout=_LOOK_SECONDS)
            how.progress(_counted(workers))
            ending.value = ending.value or how.ending()
            for worker in [one for one in working if one.answer in ready]:
                working.remove(worker)
                try:
                    stopped, refused = worker.answer.recv()
                except EOFError:
                    lost = True
                    log.warning("a process that delivers ended early", pid=worker.process.pid)
                    continue
                if stopped:
                    # It is the same server for all of them.
                    ending.value = True
                    outcome.stopped = outcome.stopped or stopped
                    outcome.refused |= refused
        outcome.counts = _counted(workers)
    return outcome, lost


@contextmanager
def _working(installation: Installation, how: Delivering, processes: int, ending: _Flag) -> Iterator[list[_Worker]]:
    """Start so many processes and yield them; what ends the block early ends them too."""
    workers: list[_Worker] = []
    try:
        for number in range(processes):
            counts = _SPAWN.RawArray("q", len(_STATES))
            answer, answering = _SPAWN.Pipe(duplex=False)
            process = _SPAWN.Process(
                target=_deliver_share,
                args=(
                    installation.settings,
                    installation.environ,
                    installation.verbose,
                    Share(number, processes),
                    how.clock,
                    how.only,
                    counts,
                    ending,
                    answering,
                ),
            )
            with _deaf():
                process.start()
                workers.append(_Worker(process, counts, answer))
            # It is theirs alone, so that it closes when they end.
            answering.close()
        yield workers
    except BaseException:
        for one in workers:
            one.process.kill()
        raise
    finally:
        for one in workers:
            one.answer.close()
            one.process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """Let signals that end a program wait until the end of the block; a process that is started in it never hears them.

    Ctrl-C reaches all processes of a terminal, at whatever moment of their start: the one that was called decides.
    """
    if sys.platform == "win32":
        yield
        return
    # Its own start would let them in again.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _deliver_share(
    settings: Settings,
    environ: Mapping[str, str],
    verbose: bool,
    share: Share,
    clock: Clock,
    only: SubscriberId | None,
    counts: _Counts,
    ending: _Flag,
    answering: Connection,
) -> None:
    """Deliver one share, in a process of its own: until nothing waits, or the run ends, or who started it has ended."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    ended = threading.Event()
    threading.Thread(target=_end_with_parent, args=(ended,), daemon=True).start()
    from digestbot import observe
    from digestbot.cli.installation import Installation

    # First of all: without it warnings would go to stdout.
    observe.configure(sys.stderr, verbose=verbose)

    def count(state: DeliveryState, many: int) -> None:
        counts[_STATES.index(state)] += many

    how = Delivering(clock=clock, only=only, ending=lambda: ended.is_set() or bool(ending.value))
    installation = Installation(settings, environ, verbose=verbose)
    try:
        outcome = _drain(installation, how, share, count)
        answer = (outcome.stopped, outcome.refused)
    except DigestbotError as error:
        answer = (str(error), False)
    finally:
        installation.close()
    answering.send(answer)


def _end_with_parent(ended: threading.Event) -> None:
    """Wait until the process that started this one has ended, however it did; what is in hand still goes out."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        ended.set()


# The command line's side


@contextmanager
def ended_by_signals() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether SIGINT or SIGTERM came in the block; the second one ends it at once."""
    came = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if came.is_set():
            signal.default_int_handler(number, frame)
        came.set()

    before = {number: signal.signal(number, note) for number in _ENDING}
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


class DeliveryBar:
    """On a terminal, a bar of how many of the waiting mails are done, how fast, and how long it will take."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("sending"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begun(self, waiting: int) -> None:
        """Hear how many mails wait."""
        self._task = self._bars.add_task("", total=waiting, rate="")

    def show(self, counts: Counter[DeliveryState]) -> None:
        """Hear how many of them ended how."""
        if self._task is None:
            return
        speed = self._bars.tasks[0].speed
        self._bars.update(self._task, completed=counts.total(), rate=f"{speed:.0f} a second" if speed else "")
