"""Delivering what waits: here, or, when much does, in processes that share it."""

from __future__ import annotations

import asyncio
import importlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import wait
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeAlias

import structlog

from digestbot.cli.children import ENDING, SPAWN, LostError, children, when_orphaned
from digestbot.cli.mailing import deliverer, delivering_processes
from digestbot.cli.times import Clock, utc_now
from digestbot.errors import DigestbotError
from digestbot.models import EVERYTHING, DeliveryState, Share, SubscriberId

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Sequence

    from rich.progress import TaskID

    from digestbot.cli.installation import Installation
    from digestbot.pipeline.run import Outcome

log = structlog.get_logger()

# Below this the others take longer to start than they save.
_MANY = 300
_LOOK_SECONDS = 0.2

_STATES = tuple(DeliveryState)


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
    workers = delivering_processes(installation.settings)
    if workers == 1 or waiting < many:
        return _deliver_here(installation, how)
    outcome, lost = _deliver_there(installation, how, workers)
    if lost and not (outcome.early or how.ending()):
        # What they had in hand, and what nobody took up.
        done = outcome.counts.copy()
        outcome.add(_deliver_here(installation, replace(how, progress=lambda counts: how.progress(done + counts))))
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
    with deliverer(installation, share) as delivery, _event_loop() as run:
        return run(delivery.deliver(how.clock, moment=utc_now, only=how.only, ending=how.ending, count=count))


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


def _counted(by_process: Sequence[_Counts]) -> Counter[DeliveryState]:
    counts: Counter[DeliveryState] = Counter()
    for own in by_process:
        counts.update({state: many for state, many in zip(_STATES, own, strict=True) if many})
    return counts


def _deliver_there(installation: Installation, how: Delivering, processes: int) -> tuple[Outcome, bool]:
    """Let processes deliver; return what came of it, and whether one was lost."""
    from digestbot.pipeline.run import Outcome

    outcome, lost, ending = Outcome(), False, SPAWN.RawValue("b", 0)
    counts = [SPAWN.RawArray("q", len(_STATES)) for _ in range(processes)]
    tasks = [
        partial(_deliver_share, Share(number, processes), how.clock, how.only, own, ending)
        for number, own in enumerate(counts)
    ]
    with children(installation, tasks) as started:
        working = list(started)
        while working:
            ready = wait([one.receiving for one in working], timeout=_LOOK_SECONDS)
            how.progress(_counted(counts))
            ending.value = ending.value or how.ending()
            for child in [one for one in working if one.receiving in ready]:
                working.remove(child)
                try:
                    outcome.add(child.answer())
                except LostError:
                    lost = True
                    log.warning("a process that delivers ended early", pid=child.process.pid)
                except DigestbotError as error:
                    outcome.add(Outcome(stopped=str(error), early=True))
                # It is the same server for all of them.
                ending.value = ending.value or outcome.early
    # With those of processes that were killed.
    outcome.counts = _counted(counts)
    return outcome, lost


def _deliver_share(
    share: Share, clock: Clock, only: SubscriberId | None, counts: _Counts, ending: _Flag, installation: Installation
) -> Outcome:
    """Deliver one share until nothing waits, or the run ends, or who started this process has ended."""
    orphaned = threading.Event()
    # What is in hand still goes out.
    when_orphaned(orphaned.set)

    def count(state: DeliveryState, many: int) -> None:
        counts[_STATES.index(state)] += many

    how = Delivering(clock=clock, only=only, ending=lambda: orphaned.is_set() or bool(ending.value))
    return _drain(installation, how, share, count)


# The command line's side


@contextmanager
def ended_by_signals() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether SIGINT or SIGTERM came in the block; the second one ends it at once."""
    came = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if came.is_set():
            signal.default_int_handler(number, frame)
        came.set()

    before = {number: signal.signal(number, note) for number in ENDING}
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
