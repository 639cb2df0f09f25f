"""Small things from servers that are trusted by their name: one GET request, no redirects, no proxy, not for long."""

from __future__ import annotations

import asyncio

from digestbot.web.webhooks.events import UnansweredError

_MOST_BYTES = 100_000


async def fetch(url: str, *, patience: float = 10.0) -> bytes:
    """Return what stands at an address; ``patience`` is for how many seconds all of it may take.

    Raises ``UnansweredError`` for any other answer than 200, for a long one, and for none.
    """
    # Most installations never fetch anything here.
    import httpcore2  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    # Reading the certificates of this computer takes longer than many an answer, and would hold up the pages.
    security = await asyncio.to_thread(httpcore2.default_ssl_context)
    body = bytearray()
    try:
        async with (
            asyncio.timeout(patience),
            httpx2.AsyncClient(verify=security, follow_redirects=False, trust_env=False, timeout=patience) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise UnansweredError(f"{response.url.host} answered {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise UnansweredError(f"{response.url.host} sent more than {_MOST_BYTES // 1000} kB")
    except TimeoutError as error:
        raise UnansweredError(f"no answer in {patience:g} s") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        # Some of these errors have no text.
        raise UnansweredError(f"no answer: {error or type(error).__name__}") from error
    return bytes(body)
