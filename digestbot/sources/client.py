"""The one HTTP client: says who it is, tries again with patience, and never reads without end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx2
import stamina

from digestbot import __version__
from digestbot.errors import SourceUnavailableError

_SECONDS = 60.0


class _TryAgainError(Exception):
    """The server is busy or the line broke; it may go better in a moment."""


class Client:
    """Fetches pages. Open it with ``async with``.

    ``transport`` is for tests; ``patience`` is how long, in seconds, it keeps trying; ``max_bytes``
    how much of one page, unpacked, it takes.
    """

    def __init__(
        self,
        *,
        contact: str = "",
        transport: httpx2.AsyncBaseTransport | None = None,
        patience: float = 30.0,
        max_bytes: int = 50_000_000,
    ) -> None:
        who = f"digestbot/{__version__}" + (f" (mailto:{contact})" if contact else "")
        self._patience = patience
        self._max_bytes = max_bytes
        self._http = httpx2.AsyncClient(
            headers={"User-Agent": who}, timeout=_SECONDS, follow_redirects=False, transport=transport
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, traceback)

    async def get(self, url: str) -> tuple[int, bytes]:
        """Return status and body of one page.

        Raises ``SourceUnavailableError`` when there is no answer, only ones that ask to come back, or too long a one.
        """
        try:
            async for attempt in stamina.retry_context(
                on=_TryAgainError,
                attempts=4,
                timeout=self._patience,
                wait_initial=self._patience / 15,
                wait_max=20,
                wait_jitter=self._patience / 30,
            ):
                with attempt:
                    return await self._once(url)
        except _TryAgainError as error:
            raise SourceUnavailableError(f"{url}: {error}") from error
        raise AssertionError("stamina either returns or raises")

    async def _once(self, url: str) -> tuple[int, bytes]:
        try:
            async with self._http.stream("GET", url) as response:
                if response.status_code == 429 or response.status_code >= 500:
                    raise _TryAgainError(f"answered {response.status_code}")
                if response.is_redirect:
                    raise SourceUnavailableError(
                        f"{url}: has moved to {response.headers.get('location', '?')}; change the setting"
                    )
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > self._max_bytes:
                        raise SourceUnavailableError(f"{url}: sends more than {self._max_bytes // 1_000_000} MB")
                return response.status_code, bytes(body)
        except httpx2.TransportError as error:
            raise _TryAgainError(f"no answer: {str(error) or type(error).__name__}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceUnavailableError(f"{url}: {error}") from error
