"""Who may be connected to: public addresses only, and the one that was checked is the one that is used."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.sources.network import NotPublicError, connection, is_public


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "151.101.3.42", "2a04:4e42::810", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "239.1.1.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "::127.0.0.1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::"),
        *("2001:0:7f00:1::1", "100::1", "5f00::1", "2a04:4e42::810%eth0"),
        *("localhost", "", "127.1", "08.08.08.08", "8.8.8.8:80"),
    ],
)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_into_ipv6_makes_it_no_more_public(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(int(address) | 0xFFFF << 32)
    translated = ipaddress.IPv6Address(int(address) | 0x64FF9B << 96)
    wrapped = ipaddress.IPv6Address(int(address) << 80 | 0x2002 << 112)
    assert {is_public(str(each)) for each in (mapped, translated, wrapped)} == {is_public(str(address))}


class FickleLoop(asyncio.SelectorEventLoop):
    """An event loop with a name server that gives each name other addresses at every look-up, and with no network."""

    def __init__(self, *answers: list[str]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.connected: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        found = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    async def create_connection(  # type: ignore[override]
        self, _: Any, host: Any = None, *args: Any, **options: Any
    ) -> Any:
        self.connected.append(host)
        raise ConnectionRefusedError(111, "Connection refused")


def ask(loop: FickleLoop, url: str) -> None:
    async def run() -> None:
        async with connection([], None) as pool:
            await pool.request("GET", url)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


def test_a_name_is_looked_up_once_and_only_what_was_checked_is_connected_to() -> None:
    loop = FickleLoop(["8.8.8.8", "8.8.4.4"], ["127.0.0.1"], ["127.0.0.1"])
    with pytest.raises(httpcore2.ConnectError):
        ask(loop, "http://rebinding.example/")
    assert loop.connected == ["8.8.8.8", "8.8.4.4"]
    assert len(loop.answers) == 2


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    loop = FickleLoop(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(NotPublicError, match=r"both\.example \(10\.0\.0\.1\) is not a public address"):
        ask(loop, "https://both.example/")
    assert loop.connected == []


def test_a_port_that_is_none_of_the_web_is_refused_without_a_look_up() -> None:
    loop = FickleLoop()
    with pytest.raises(NotPublicError, match=r"example\.org:25 is not on a port of the web"):
        ask(loop, "http://example.org:25/")
