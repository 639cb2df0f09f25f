"""Composing what is due: in this process alone, or, where very many are due, in several at once."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING

from digestbot.cli.children import SPAWN, Child, LostError, children, when_orphaned
from digestbot.errors import DigestbotError
from digestbot.models import EVERYONE

if TYPE_CHECKING:
    import ctypes
    from multiprocessing.sharedctypes import Synchronized

    from digestbot.cli.installation import Installation
    from digestbot.pipeline.due import Awaited

# Below this a second process takes longer to start than it saves.
_MANY = 5000
# Of what is shared: small, so that no process works long after the others.
_SHARED_PARTS = 32
_LOOK_SECONDS = 0.02


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
    works = _work(workers)
    tasks = [partial(_compose_parts, now, awaited, work) for work in works]
    with _ended_by_sigterm(), children(installation, tasks) as composing:
        return _composed(composing, works)


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
    taken, fitted = SPAWN.Value("l", 0), SPAWN.RawValue("b", 0)
    return [_Work(number == 0, own, shared, taken, fitted) for number, (own, _) in enumerate(halves)]


def _cut(ids: range, many: int) -> list[range]:
    # Not len(): it is more than that can say.
    width = ids.stop - ids.start
    return [range(*ends) for ends in pairwise(ids.start + width * number // many for number in range(many + 1))]


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


def _composed(composing: Sequence[Child[int]], works: Sequence[_Work]) -> int:
    """Wait for all of them, and return how many digests they composed; raise what went wrong in the end."""
    composed, problems = 0, []
    for child, work in zip(composing, works, strict=True):
        try:
            composed += child.answer()
        except LostError:
            problems.append("a process that composes ended early; what it stored is there, run this again for the rest")
        except DigestbotError as error:
            problems.append(str(error))
        # However the first one ended, the others wait for it no longer.
        work.fitted.value = True
    if problems:
        raise DigestbotError(problems[0])
    return composed


def _compose_parts(now: datetime, awaited: Awaited | None, work: _Work, installation: Installation) -> int:
    when_orphaned(partial(os._exit, 1))
    with _without_collector():
        composer = installation.composer
        if work.first:
            composer.prepare(now)
            work.fitted.value = True
        while not work.fitted.value:
            time.sleep(_LOOK_SECONDS)
        waiting = chain.from_iterable(composer.due(now, awaited=awaited, among=part) for part in work)
        return sum(1 for _ in composer.compose_these(waiting, now))
