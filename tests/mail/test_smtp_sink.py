"""SMTP against Debian's smtp-sink: each of its faults in each phase, and its delays."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    RefusedError,
    RejectedError,
    ServerBusyError,
    ServerUnavailableError,
    UncertainError,
    UnwelcomeError,
)
from tests.mail.servers import send, sink

SOFT, HARD, DROP, BUSY = "-r", "-f", "-q", "-Q"


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        ((SOFT, "CONNECT"), ServerUnavailableError, None),
        ((SOFT, "MAIL"), DeferredError, 450),
        ((SOFT, "RCPT"), DeferredError, 450),
        ((SOFT, "DATA"), DeferredError, 450),
        ((SOFT, "."), DeferredError, 450),
        ((HARD, "CONNECT"), ServerUnavailableError, None),
        ((HARD, "MAIL"), UnwelcomeError, 500),
        ((HARD, "RCPT"), RejectedError, 500),
        ((HARD, "RCPT", "-B", "550 5.1.1 no such user"), RefusedError, 550),
        ((HARD, "DATA"), RejectedError, 500),
        ((HARD, "."), RejectedError, 500),
        ((DROP, "CONNECT"), ServerUnavailableError, None),
        ((DROP, "MAIL"), DeferredError, None),
        ((DROP, "RCPT"), DeferredError, None),
        # Nothing of the mail had left.
        ((DROP, "DATA"), DeferredError, None),
        ((DROP, "."), UncertainError, None),
        ((BUSY, "CONNECT"), ServerUnavailableError, None),
        ((BUSY, "MAIL"), ServerUnavailableError, 421),
        ((BUSY, "RCPT"), ServerBusyError, 421),
        ((BUSY, "DATA"), ServerBusyError, 421),
        ((BUSY, "."), ServerBusyError, 421),
    ],
)
def test_a_fault_means_what_its_phase_says(
    peer: Callable[[str], str],
    free_port: Callable[[], int],
    options: tuple[str, ...],
    kind: type[DeliveryError],
    code: int | None,
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        ends = send(server, times=2)
    assert [type(end) for end in ends] == [kind, kind]
    assert [end.code for end in ends if isinstance(end, DeliveryError)] == [code, code]


@pytest.mark.parametrize(
    "options",
    [
        (DROP, "EHLO"),
        (BUSY, "EHLO"),
        (HARD, "EHLO", SOFT, "HELO"),
        (HARD, "EHLO", DROP, "HELO"),
        (HARD, "EHLO", BUSY, "HELO"),
    ],
    ids=" ".join,
)
def test_when_they_do_not_greet_us_nothing_of_the_mail_has_left_and_it_waits(
    peer: Callable[[str], str], free_port: Callable[[], int], options: tuple[str, ...]
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        ends = send(server, times=2)
    assert [type(end) for end in ends] == [ServerUnavailableError, ServerUnavailableError]


@pytest.mark.parametrize("options", [(), ("-e",), (SOFT, "EHLO"), (HARD, "EHLO")], ids=" ".join)
def test_mail_after_mail_is_taken_also_by_one_that_knows_helo_alone(
    peer: Callable[[str], str], free_port: Callable[[], int], options: tuple[str, ...]
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        ends = send(server, times=20)
    assert not [end for end in ends if isinstance(end, DeliveryError)]


@pytest.mark.parametrize("options", [("-w", "1"), ("-W", "RCPT:1"), ("-W", ".:1")], ids=" ".join)
def test_one_that_takes_its_time_is_waited_for(
    peer: Callable[[str], str], free_port: Callable[[], int], options: tuple[str, ...]
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        began = time.monotonic()
        [end] = send(server)
        took = time.monotonic() - began
    assert not isinstance(end, DeliveryError)
    assert took > 0.9
