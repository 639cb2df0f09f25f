"""The one polite HTTP client: it says who it is, keeps the pace, comes back when it is told to, and has patience.

No proxy and no netrc file of the environment is used: through a proxy nobody could say which address is really
connected to.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import httpx2
import stamina
import structlog

from digestbot import __version__
from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.sources.addresses import readable, shown
from digestbot.sources.cache import Page, Pages
from digestbot.sources.exchange import Answer, BrokenAnswerError, Exchange, TooLongError
from digestbot.sources.lanes import LONGEST_ASKED, Lane, Lanes, TooEarlyError, lane_of
from digestbot.sources.network import NotPublicError, origin

__all__ = ["Client", "Lane", "lane_of"]

T = TypeVar("T")

log = structlog.get_logger(__name__)

# So long a moment that we were given is waited for even by who has less patience.
_SHORT_WAIT = 60.0
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT = (301, 308)
_WHAT_TO_DO = {
    404: ": is not there; correct its address in the settings",
    410: ": is gone; remove it from the settings",
}


class _TryAgainError(SourceUnavailableError):
    """It may go better in a moment."""


@dataclass
class _Patience:
    """How much longer a page is tried for, counted from its first request: waiting for one's turn costs none."""

    seconds: float
    began: float | None = None
    next_wait: float = 0.0

    def begin(self) -> None:
        if self.began is None:
            self.began = asyncio.get_running_loop().time()

    def left(self) -> float:
        return 0.0 if self.began is None else self.seconds - (asyncio.get_running_loop().time() - self.began)

    def lasts(self, error: Exception) -> bool:
        return isinstance(error, (_TryAgainError, SourceFormatError)) and self.left() > self.next_wait


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One page: its address, as it is used and as it may be shown, and what counts as an answer."""

    url: httpx2.URL
    shown: str
    lane: Lane
    accept: Collection[int]
    patience: _Patience


class Client:
    """Gets pages. No connection outlives its request, so there is nothing to close.

    ``folder`` holds the lanes and the kept pages of this installation; with ``None`` no page is kept, and the lanes
    are those of this process alone. ``allowed`` are the addresses of the settings, which redirects may lead to even
    where they are private. A page is tried again for ``patience`` seconds; ``timeout`` is for how many a part of an
    answer may keep us waiting. ``max_bytes`` is the most that is taken of one page, unpacked.
    """

    def __init__(
        self,
        *,
        folder: Path | None,
        clock: Callable[[], datetime],
        contact: str = "",
        allowed: Collection[str] = (),
        patience: float = 30.0,
        timeout: float = 60.0,
        max_bytes: int = 50_000_000,
    ) -> None:
        who = f"digestbot/{__version__}" + (f" (mailto:{contact})" if contact else "")
        self._clock = clock
        self._allowed = {origin(address) for url in allowed if (address := readable(url)) is not None}
        self._patience = patience
        self._max_bytes = max_bytes
        self._lanes = Lanes(folder, clock, longest=max(patience, _SHORT_WAIT))
        self._pages = Pages(None if folder is None else folder / "pages")
        self._exchange = Exchange(who=who, timeout=timeout, max_bytes=max_bytes)
        self._said_to_move: set[str] = set()

    async def read(
        self,
        url: str,
        parse: Callable[[bytes], T],
        *,
        lane: Lane,
        cached: bool = False,
        accept: Collection[int] = (200,),
    ) -> T:
        """Return what ``parse`` makes of a page, asking again for a while where that may help.

        ``url`` is an address of the settings or made from one, never one that a page named: it may be private.
        ``parse`` runs in a thread, so that a long page holds up nobody. Raises the last ``SourceFormatError`` of a
        page that ``parse`` never took, and ``SourceUnavailableError`` for everything else that was in the way.
        """
        patience = _Patience(self._patience)
        wanted = _Wanted(url=_address(url), shown=shown(url), lane=lane, accept=accept, patience=patience)
        async for attempt in stamina.retry_context(
            on=patience.lasts,
            attempts=None,
            timeout=None,
            wait_initial=self._patience / 15,
            wait_max=20,
            wait_jitter=self._patience / 30,
        ):
            with attempt:
                patience.next_wait = attempt.next_wait
                return await self._once(wanted, parse, self._pages if cached else Pages(None))
        raise AssertionError("stamina either returns or raises")

    async def _once(self, wanted: _Wanted, parse: Callable[[bytes], T], pages: Pages) -> T:
        key = str(wanted.url)
        kept = await asyncio.to_thread(pages.kept, key)
        try:
            answer = await self._followed(wanted, kept)
        except TooEarlyError as error:
            raise SourceUnavailableError(f"{wanted.shown}: {error}") from error
        if answer.status == 304 and kept is not None:
            try:
                return await asyncio.to_thread(parse, kept.body)
            except SourceFormatError:
                # It was taken once, so that we have changed since, or the file has: get the page anew.
                await asyncio.to_thread(pages.forget, key)
                raise
        if not answer.body or answer.body.isspace():
            raise _TryAgainError(f"{wanted.shown}: sent an empty page")
        parsed = await asyncio.to_thread(parse, answer.body)
        if answer.status == 200:
            page = Page(body=answer.body, etag=answer.header(b"etag"), modified=answer.header(b"last-modified"))
            await asyncio.to_thread(pages.keep, key, page)
        return parsed

    async def _followed(self, wanted: _Wanted, kept: Page | None) -> Answer:
        """Return the answer at the end of the redirects; each is one more request, which keeps the pace."""
        allowed = {origin(wanted.url), *self._allowed}
        here, moved = wanted.url, True
        for _ in range(_MOST_REDIRECTS + 1):
            lane = self._lane(here, wanted)
            async with self._lanes.turn(lane):
                wanted.patience.begin()
                answer = await self._asked(here, wanted, allowed, kept, lane)
                if answer.status in wanted.accept or (answer.status == 304 and kept is not None):
                    return answer
                if answer.status not in _REDIRECTS:
                    raise self._refusal(answer, wanted, lane)
            here = _target(here, answer, wanted)
            moved = moved and answer.status in _PERMANENT
            if moved and wanted.shown not in self._said_to_move:
                self._said_to_move.add(wanted.shown)
                log.warning("moved for good; change its address in the settings", url=wanted.shown, to=shown(str(here)))
        raise SourceUnavailableError(
            f"{wanted.shown}: redirects more than {_MOST_REDIRECTS} times, at last to {shown(str(here))}"
        )

    @staticmethod
    def _lane(here: httpx2.URL, wanted: _Wanted) -> Lane:
        seconds = wanted.lane.seconds
        own = lane_of(str(here), seconds)
        return wanted.lane if own == lane_of(str(wanted.url), seconds) else own

    async def _asked(
        self, here: httpx2.URL, wanted: _Wanted, allowed: Collection[tuple[str, int]], kept: Page | None, lane: Lane
    ) -> Answer:
        try:
            return await self._exchange.get(
                here,
                allowed=allowed,
                conditions=[] if kept is None else kept.conditions(),
                accept=wanted.accept,
                sending=lambda: self._lanes.begin(lane),
            )
        except BrokenAnswerError as error:
            raise _TryAgainError(f"{wanted.shown}: {error}") from error
        except TooLongError as error:
            raise SourceUnavailableError(f"{wanted.shown}: sends more than {self._max_bytes / 1e6:g} MB") from error
        except NotPublicError as error:
            problem = f"redirects to {shown(str(here))}, which is not followed: {error}, and not in the settings"
            raise SourceUnavailableError(f"{wanted.shown}: {problem}") from error

    def _refusal(self, answer: Answer, wanted: _Wanted, lane: Lane) -> SourceUnavailableError:
        status = answer.status
        if status == 304:
            return _TryAgainError(f"{wanted.shown}: answered 304, not changed, which nobody had asked")
        if status != 429 and status < 500:
            return SourceUnavailableError(f"{wanted.shown}: answered {status}{_WHAT_TO_DO.get(status, '')}")
        now = self._clock()
        asked_for = _retry_after(answer.header(b"retry-after"), now)
        if asked_for is None:
            return _TryAgainError(f"{wanted.shown}: answered {status}")
        # This goes to all of our processes, and to the next load.
        self._lanes.come_back(lane, now.timestamp() + asked_for)
        back = (now + timedelta(seconds=asked_for)).astimezone(UTC)
        problem = f"{wanted.shown}: answered {status}: come back in {asked_for:.0f} s, at {back:%Y-%m-%d %H:%M:%S} UTC"
        return (SourceUnavailableError if asked_for > wanted.patience.left() else _TryAgainError)(problem)


def _target(here: httpx2.URL, answer: Answer, wanted: _Wanted) -> httpx2.URL:
    location = answer.header(b"location").decode("utf-8", "replace")
    where = shown(location) or "nowhere"
    target = here.join(location) if location and readable(location) is not None else None
    if target is None or target.scheme not in ("http", "https"):
        raise SourceUnavailableError(f"{wanted.shown}: redirects to {where}, which is no web address")
    if here.scheme == "https" and target.scheme == "http":
        raise SourceUnavailableError(f"{wanted.shown}: redirects to {where}, which is not followed: not encrypted")
    return target


def _retry_after(value: bytes, now: datetime) -> float | None:
    """Return in how many seconds one may come back (RFC 9110, section 10.2.3), ``None`` when that is not said.

    An answer may ask for years; a day is as good as never here.
    """
    text = value.decode("latin-1").strip()
    if re.fullmatch(r"[0-9]{1,20}", text):
        return min(float(text), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_ASKED)


def _address(url: str) -> httpx2.URL:
    address = readable(url)
    if address is None or address.scheme not in ("http", "https"):
        raise SourceUnavailableError(f"{shown(url)}: is no web address; correct it in the settings")
    return address
