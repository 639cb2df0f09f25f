"""Who may be connected to, and the one way there.

An address of the settings may be anything; every other one, which only a redirect can bring, must be a public web
server. What is checked is the address that is connected to, so that a name that changes between two look-ups
(DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterable
from typing import TypeAlias

import httpcore2
import httpx2

SocketOption: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What is given out to be routed (RFC 4291, section 2.4); the rest of IPv6 is for other purposes.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class NotPublicError(Exception):
    """This address is neither public nor one of the settings; the text says which and why."""


def origin(url: httpx2.URL) -> tuple[str, int]:
    """Return the host and the port that an address leads to."""
    return url.raw_host.decode("ascii").lower(), url.port or _PORTS.get(url.scheme, 0)


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open internet, also behind what wraps IPv4 into IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast


class _CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to the given origins, and elsewhere only to public addresses on the ports of the web."""

    def __init__(self, allowed: Collection[tuple[str, int]]) -> None:
        self._allowed = allowed
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        if (host.lower(), port) in self._allowed:
            return await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        if port not in _PORTS.values():
            raise NotPublicError(f"{host}:{port} is not on a port of the web, 80 or 443")
        try:
            async with asyncio.timeout(timeout):
                return await self._connect_checked(host, port, timeout, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection to {host} within {timeout} s") from error

    async def _connect_checked(
        self,
        host: str,
        port: int,
        timeout: float | None,  # noqa: ASYNC109 - handed on
        local_address: str | None,
        socket_options: Iterable[SocketOption] | None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in await _addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _addresses(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} has no address: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = [address for address in addresses if not is_public(address)]
    if private:
        named = host if host == private[0] else f"{host} ({private[0]})"
        raise NotPublicError(f"{named} is not a public address")
    return addresses


def connection(allowed: Collection[tuple[str, int]], security: ssl.SSLContext | None) -> httpcore2.AsyncConnectionPool:
    """Return what makes one connection, for one request: none is kept open between two of them.

    No proxy of the environment is used: through a proxy nobody could say which address is really connected to.
    """
    return httpcore2.AsyncConnectionPool(
        ssl_context=security,
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=_CheckedNetwork(allowed),
    )
