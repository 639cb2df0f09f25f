"""Lanes: how fast, and by how many at a time, a service may be asked.

The requests of one lane go one at a time and begin a set time apart, in all processes that share the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from digestbot.errors import SourceUnavailableError

_POLL = 0.05
# For how many seconds a service may send us away.
LONGEST_ASKED = 86_400.0
_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")


class TooEarlyError(Exception):
    """The service asked us to come back at a moment that is too far ahead to be waited for; the text says when."""

    def __init__(self, moment: float) -> None:
        # The minute after it, so that who goes by the text is not early.
        back = datetime.fromtimestamp(math.ceil(moment / 60) * 60, UTC)
        super().__init__(f"asked to come back at {back:%H:%M} UTC, and is not asked before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Requests that go one at a time and begin at least ``seconds`` apart."""

    name: str
    seconds: float


def lane_of(url: str, seconds: float) -> Lane:
    """Return the lane of an address: its host, with the port where it is named.

    arXiv asks for one request every three seconds over all of its interfaces together, so that its hosts share a
    lane (info.arxiv.org/help/api/tou.html).
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        # What is no address is refused where it is asked for.
        return Lane(name="", seconds=seconds)
    if host == "arxiv.org" or host.endswith(".arxiv.org"):
        return Lane(name="arxiv", seconds=seconds)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return Lane(name=host if port in (None, usual) else f"{host}:{port}", seconds=seconds)


class Lanes:
    """The lanes of this installation, kept in ``folder``; without one they hold in this process only.

    Of each lane the folder has ``.lock``, which who is asking holds and which dies with its process, and ``.next``
    with two lines, in epoch seconds: before when the pace lets nobody begin, and before when the service asked us not
    to come back. The second is waited for when it is at most ``longest`` seconds ahead.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], datetime], *, longest: float) -> None:
        self._folder = folder
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._longest = longest
        self._next: dict[str, tuple[float, float]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for this lane to be free and its time to come; it stays taken until the block ends.

        Raises ``TooEarlyError`` at once when that time is further ahead than anybody waits, and
        ``SourceUnavailableError`` when the lock cannot be made.
        """
        # Those of this process queue up in order; only the first of them polls for the file.
        async with self._turns[lane.name]:
            # A part of the wait is spent outside, so that another process that polls for the lock gets its turn.
            await asyncio.sleep(min(self._wait(lane), 2 * _POLL))
            with await self._locked(lane):
                # The clock is asked once: it may be set while we sleep.
                await asyncio.sleep(self._wait(lane))
                self.begin(lane)
                yield

    def begin(self, lane: Lane) -> None:
        """Count the pace from now: a request begins when it is sent, however long the connection took."""
        self._write(lane, self._clock().timestamp() + lane.seconds, 0.0)

    def come_back(self, lane: Lane, moment: float) -> None:
        """Let nobody begin before this moment, in epoch seconds. Only who has the turn may say so."""
        paced, _ = self._next.get(lane.name, (0.0, 0.0))
        self._write(lane, paced, moment)

    def _wait(self, lane: Lane) -> float:
        now = self._clock().timestamp()
        moments = (self._next.get(lane.name, (0.0, 0.0)), self._written(lane))
        # A moment that is further ahead than it can be is of a clock that was set back, or of somebody else.
        paced = [min(pace - now, lane.seconds) for pace, _ in moments]
        asked = [back for _, back in moments if back - now <= LONGEST_ASKED + 1]
        if max(asked, default=0.0) - now > self._longest:
            raise TooEarlyError(max(asked))
        return max(0.0, *paced, *(back - now for back in asked))

    def _write(self, lane: Lane, paced: float, asked: float) -> None:
        self._next[lane.name] = (paced, asked)
        if self._folder is None:
            return
        path = self._path(lane, "next")
        unfinished = path.with_suffix(".unfinished")
        # On a full disk the pace still holds within this process, and the lock across all of them.
        with contextlib.suppress(OSError):
            unfinished.write_text(f"{paced:.3f}\n{asked:.3f}\n", encoding="ascii")
            os.replace(unfinished, path)  # noqa: PTH105 - so that what replaces what is seen

    def _written(self, lane: Lane) -> tuple[float, float]:
        if self._folder is None:
            return 0.0, 0.0
        try:
            with self._path(lane, "next").open("rb") as file:
                lines = file.read(100).splitlines()
        except OSError:
            return 0.0, 0.0
        paced, asked, *_ = (*map(_moment, lines), 0.0, 0.0)
        return paced, asked

    async def _locked(self, lane: Lane) -> contextlib.AbstractContextManager[None]:
        if self._folder is None:
            return contextlib.nullcontext()
        path = self._path(lane, "lock")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, thread_local=False)
            while True:
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    await asyncio.sleep(_POLL)
                else:
                    return _held(lock)
        except (OSError, NotImplementedError) as error:
            # filelock raises the second where the file system knows no locks.
            problem = getattr(error, "strerror", None) or type(error).__name__
            raise SourceUnavailableError(
                f"{path}: cannot be locked, so nothing is asked for: {problem}; make its folder writable"
            ) from error

    def _path(self, lane: Lane, kind: str) -> Path:
        assert self._folder is not None  # noqa: S101 - the callers have looked
        name = lane.name
        if not _SAFE_NAME.fullmatch(name):
            readable = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip(".-")[:40]
            name = f"{readable or 'lane'}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}"
        return self._folder / f"{name}.{kind}"


@contextlib.contextmanager
def _held(lock: FileLock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()


def _moment(line: bytes) -> float:
    try:
        moment = float(line)
    except ValueError:
        return 0.0
    return moment if math.isfinite(moment) else 0.0
