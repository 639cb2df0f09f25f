"""One request and its answer, on a connection of its own, read to the end and never without one."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpcore2
import httpx2

from digestbot.sources.network import connection, origin
from digestbot.sources.text import one_line

_CONNECT_SECONDS = 10.0
_WHOLE = 5
_PIECE = 1_000_000
_SENDING = "http11.send_request_headers.started"
_MEMBER = b"\x1f\x8b"
# For zlib: a gzip header or one of its own.
_ANY_HEADER = 47


class BrokenAnswerError(Exception):
    """There was no answer, or only a part of one; it may go better in a moment."""


class TooLongError(Exception):
    """The answer is longer than anything that is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: header names in lower case, and the body unpacked, empty for a status that nobody wanted."""

    status: int
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        return self.headers.get(name, b"")


class Exchange:
    """Sends GET requests as ``who``.

    ``timeout`` is for how many seconds a part of an answer may keep us waiting; a whole one may take five times as
    long, however slowly it drips. ``max_bytes`` is the most that is taken of one body, packed or unpacked.
    """

    def __init__(self, *, who: str, timeout: float, max_bytes: int) -> None:
        self._who = who
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._security: ssl.SSLContext | None = None

    async def get(
        self,
        url: httpx2.URL,
        *,
        allowed: Collection[tuple[str, int]],
        conditions: Sequence[tuple[bytes, bytes]],
        accept: Collection[int],
        sending: Callable[[], None],
    ) -> Answer:
        """Return the answer of one server; the body is read for a status of ``accept`` only.

        ``sending`` is called when the connection stands and the request goes out.

        Raises ``BrokenAnswerError``, ``TooLongError``, and ``NotPublicError`` for an address that is neither public
        nor ``allowed``.
        """
        host, port = origin(url)
        server = f"{host}:{port}"
        if url.scheme == "https" and self._security is None:
            # Reading the certificates takes longer than many an answer: once is enough.
            self._security = httpcore2.default_ssl_context()

        async def notice(event: str, _: dict[str, Any]) -> None:
            if event == _SENDING:
                sending()

        waits = {"connect": min(_CONNECT_SECONDS, self._timeout), "read": self._timeout, "write": self._timeout}
        try:
            async with (
                asyncio.timeout(_WHOLE * self._timeout),
                connection(allowed, self._security) as pool,
                pool.stream(
                    "GET",
                    httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=[*self._headers(url), *conditions],
                    extensions={"timeout": waits, "trace": notice},
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers}
                body = await self._body(response, headers) if response.status in accept else b""
                return Answer(status=response.status, headers=headers, body=body)
        except TimeoutError as error:
            raise BrokenAnswerError(f"no end of an answer from {server} in {_WHOLE * self._timeout:g} s") from error
        except (httpcore2.ReadTimeout, httpcore2.WriteTimeout) as error:
            raise BrokenAnswerError(f"nothing from {server} in {self._timeout:g} s") from error
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            problem = one_line(str(error))[:200] or type(error).__name__
            raise BrokenAnswerError(f"no answer from {server}: {problem}") from error

    def _headers(self, url: httpx2.URL) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"Host", url.netloc),
            (b"User-Agent", self._who.encode()),
            (b"Accept-Encoding", b"gzip"),
            (b"Connection", b"close"),
        ]
        if url.userinfo:
            name, _, password = url.userinfo.decode("ascii").partition(":")
            plain = f"{unquote(name)}:{unquote(password)}".encode()
            headers.append((b"Authorization", b"Basic " + base64.b64encode(plain)))
        return headers

    async def _body(self, response: httpcore2.Response, headers: dict[bytes, bytes]) -> bytes:
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self._max_bytes:
            raise TooLongError
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if encoding not in (b"", b"identity", b"gzip", b"x-gzip", b"deflate"):
            raise BrokenAnswerError("is packed in a way that was not asked for")
        unpacker = _Plain() if encoding in (b"", b"identity") else _Unpacker()
        received = 0
        body = bytearray()
        async with contextlib.aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                received += len(chunk)
                if received > self._max_bytes:
                    raise TooLongError
                for piece in unpacker.pieces(chunk):
                    body += piece
                    if len(body) > self._max_bytes:
                        raise TooLongError
        unpacker.end()
        return bytes(body)


class _Plain:
    """A body that is not packed."""

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def end(self) -> None:
        """There is nothing left to say."""


class _Unpacker(_Plain):
    """Unpacks a body in pieces of a megabyte at most, so that a small one which unpacks to a huge one costs nothing."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=_ANY_HEADER)

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        rest, full = chunk, False
        # After a full piece there may be more to come, even when nothing is left to be put in.
        while rest or full:
            if self._member.eof:
                # A gzip body may have several members (RFC 1952, section 2.2); anything else behind it is padding.
                if not rest.startswith(_MEMBER):
                    return
                self._member = zlib.decompressobj(wbits=_ANY_HEADER)
            try:
                piece = self._member.decompress(rest, _PIECE)
            except zlib.error as error:
                raise BrokenAnswerError(f"is not packed as it says: {error}") from error
            yield piece
            full = len(piece) == _PIECE
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> None:
        if not self._member.eof:
            raise BrokenAnswerError("is packed, and cut off")
