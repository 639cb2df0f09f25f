"""Composing what is due: in this process alone, or, where very many are due, in several at once.

No process outlives the one that started it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, islice, pairwise
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Literal

from digestbot.errors import DigestbotError
from digestbot.models import EVERYONE

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Mapping
    from multiprocessing.sharedctypes import Synchronized

    from digestbot.cli.installation import Installation
    from digestbot.pipeline.compose import Composer
    from digestbot.pipeline.due import Awaited
    from digestbot.settings import Settings

# Below this a second process takes longer to start than it saves.
_MANY = 5000
# Of what is shared: small, so that no process works long after the others.
_SHARED_PARTS = 32
_LOOK_SECONDS = 0.02

_SPAWN = multiprocessing.get_context("spawn")


def compose_due(
    installation: Installation,
    now: datetime,
    *,
    only: str | None = None,
    awaited: Awaited | None = None,
    many: int = _MANY,
) -> int:
    """Compose all that is due and put it into the outbox; return how many digests are new.

    Where ``many`` are due or more, processes share them by ranges of ids. What was stored stays when one ends early.
    """
    due = installation.due(now, only=only, awaited=awaited)
    first = list(islice(due, many))
    workers = installation.settings.ranking.workers or os.cpu_count() or 1
    if not first:
        # Nearly always, when it is asked each minute: what ranks need not even be loaded.
        return 0
    if workers == 1 or len(first) < many:
        return sum(1 for _ in installation.composer.compose_these(chain(first, due), now))
    # All of them others than this one: what ranking takes of memory is free again when the mails go out.
    compose = partial(_compose_parts, installation.settings, installation.environ, now, awaited, installation.verbose)
    works = _work(workers)
    with _ended_by_sigterm(), _helping([partial(compose, work) for work in works]) as answers:
        return sum(_answered(answers, works))


@dataclass(frozen=True, slots=True)
class _Work:
    """The ids that a process looks at: ``own`` ones, then the next of the ``shared`` parts as long as one is left.

    Some processes are slower, and some parts hold fewer subscribers. ``taken`` counts the parts, for all. The ``first``
    sees to it that there is a fit before the others look for one: ``fitted`` is true when it has.
    """

    first: bool
    own: range
    shared: Sequence[range]
    taken: Synchronized[int]
    fitted: ctypes.c_byte

    def __iter__(self) -> Iterator[range]:
        yield self.own
        while True:
            with self.taken.get_lock():
                number = self.taken.value
                self.taken.value += 1
            if number >= len(self.shared):
                return
            yield self.shared[number]


def _work(workers: int) -> list[_Work]:
    """Return what each of the processes does: half of all ids are somebody's own, the others are shared."""
    halves = [_cut(part, 2) for part in _cut(EVERYONE, workers)]
    shared = [part for _, half in halves for part in _cut(half, _SHARED_PARTS)]
    taken, fitted = _SPAWN.Value("l", 0), _SPAWN.RawValue("b", 0)
    return [_Work(number == 0, own, shared, taken, fitted) for number, (own, _) in enumerate(halves)]


def _cut(ids: range, many: int) -> list[range]:
    # Not len(): it is more than that can say.
    width = ids.stop - ids.start
    return [range(*ends) for ends in pairwise(ids.start + width * number // many for number in range(many + 1))]


def _compose_some(composer: Composer, now: datetime, awaited: Awaited | None, work: _Work) -> int:
    if work.first:
        composer.prepare(now)
        work.fitted.value = True
    while not work.fitted.value:
        time.sleep(_LOOK_SECONDS)
    waiting = chain.from_iterable(composer.due(now, awaited=awaited, among=part) for part in work)
    return sum(1 for _ in composer.compose_these(waiting, now))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no cycles of values in the block: it makes millions of values, none in a cycle, in a fifth less time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does.

    Not in the threads of a service, which handles both itself and lets its jobs finish.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let SIGINT and SIGTERM come when the block has ended; a process that is started in it has them blocked."""
    _mask("SIG_BLOCK")
    try:
        yield
    finally:
        _mask("SIG_UNBLOCK")


def _mask(how: Literal["SIG_BLOCK", "SIG_UNBLOCK"]) -> None:
    # Windows has no such masks, and no SIGTERM that could come.
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(getattr(signal, how), {signal.SIGINT, signal.SIGTERM})


@contextmanager
def _helping(tasks: Sequence[Callable[[Connection], None]]) -> Iterator[list[Connection]]:
    """Run each task in a process and yield where their answers come; what ends the block early ends them too."""
    processes, answers = [], []
    try:
        for task in tasks:
            answer, answering = _SPAWN.Pipe(duplex=False)
            answers.append(answer)
            process = _SPAWN.Process(target=task, args=(answering,), daemon=True)
            processes.append(process)
            # One that is half started would complain about it.
            with _signals_wait():
                process.start()
            # It is theirs alone, so that it closes when they end.
            answering.close()
        yield answers
    except BaseException:
        for process in processes:
            # What they stored is whole, and nothing else of theirs needs an orderly end.
            if process.pid is not None:
                process.kill()
        raise
    finally:
        for process, answer in zip(processes, answers, strict=False):
            answer.close()
            if process.pid is not None:
                process.join()


def _answered(answers: Sequence[Connection], works: Sequence[_Work]) -> list[int]:
    """Wait for all answers, and return how many digests each composed; raise what went wrong in the end."""
    composed, problems = [], []
    for answer, work in zip(answers, works, strict=True):
        try:
            found: int | str = answer.recv()
        except EOFError:
            found = "a process that composes ended early; what it stored is there, run this again for the rest"
        # However the first one ended, the others wait for it no longer.
        work.fitted.value = True
        if isinstance(found, int):
            composed.append(found)
        else:
            problems.append(found)
    if problems:
        raise DigestbotError(problems[0])
    return composed


def _compose_parts(
    settings: Settings,
    environ: Mapping[str, str],
    now: datetime,
    awaited: Awaited | None,
    verbose: bool,
    work: _Work,
    answering: Connection,
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches all processes of a terminal; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mask("SIG_UNBLOCK")
    from digestbot import observe
    from digestbot.cli.installation import Installation

    # First of all: without it warnings would go to stdout.
    observe.configure(sys.stderr, verbose=verbose)
    installation = Installation(settings, environ)
    answer: int | str
    try:
        with _without_collector():
            answer = _compose_some(installation.composer, now, awaited, work)
    except DigestbotError as error:
        answer = str(error)
    finally:
        installation.close()
    answering.send(answer)


def _end_with_parent() -> None:
    """Wait until the process that started this one has ended, however it did, and end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
