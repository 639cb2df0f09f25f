"""``/metrics``: what a monitoring system counts, in the format of Prometheus. No names, no addresses.

Everything is read from the store when it is asked for, so that it is right however many processes there are.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digestbot.models import DeliveryKind, DeliveryState, SubscriberState
from digestbot.store.tally import Figures

# Counting a large database takes seconds: it is done so rarely that it takes no more than a twentieth of the time.
_KEPT = timedelta(seconds=10)
_SHARE = 20
# What proxies write that hand on requests of others.
_HANDED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_REASONS = ("hard", "soft", "complaint", "other")


@dataclass(frozen=True, slots=True)
class _Kept:
    """Figures, of when they are, and until when they are good enough."""

    figures: Figures
    since: datetime
    until: datetime


class Metrics:
    """The page of the figures.

    Those who ask from another machine find no such page, unless it is ``to_all``. Nor do those whom a proxy on this one
    sends, which shows by its headers or by the name of ``base_url``.
    """

    def __init__(
        self, read: Callable[[datetime], Figures], clock: Callable[[], datetime], *, base_url: str, to_all: bool
    ) -> None:
        self._read = read
        self._clock = clock
        self._public_name = urlsplit(base_url).hostname or ""
        self._to_all = to_all
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    @property
    def route(self) -> Route:
        """Where it is served."""
        return Route("/metrics", self.show)

    async def show(self, request: Request) -> Response:
        """Answer with the figures, or that there is no such page."""
        if not (self._to_all or self._is_local(request)):
            raise HTTPException(404)
        figures = await run_in_threadpool(self._figures)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(
            encode(_Families(figures, self._clock())),
            headers={"Content-Type": media_type, "Cache-Control": "no-store"},
        )

    def _is_local(self, request: Request) -> bool:
        peer = request.client.host if request.client else ""
        handed_on = any(name in request.headers for name in _HANDED_ON)
        return _is_loopback(peer) and not handed_on and not self._is_as_reader(request.headers.get("host", ""))

    def _is_as_reader(self, host: str) -> bool:
        """Return whether this is the name that readers know, or none that a program here would use."""
        try:
            asked = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return True
        return asked == self._public_name and not _is_loopback(asked)

    def _figures(self) -> Figures:
        with self._lock:
            began = self._clock()
            kept = self._kept
            # A clock that was set back must not keep them for long.
            if kept is None or not kept.since <= began < kept.until:
                figures = self._read(began)
                ended = self._clock()
                kept = self._kept = _Kept(figures, began, ended + max(_KEPT, _SHARE * (ended - began)))
            return kept.figures


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _by(name: str, says: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for value, many in sorted(values.items()):
        family.add_metric([value], many)
    return family


class _Families(Collector):
    """The figures as Prometheus knows them. What there is none of is 0, so that nothing comes and goes."""

    def __init__(self, figures: Figures, now: datetime) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        deliveries = GaugeMetricFamily(
            "digestbot_deliveries", "Mails in the ledger, by kind and state.", labels=["kind", "state"]
        )
        known = {(str(kind), str(state)): 0 for kind in DeliveryKind for state in DeliveryState}
        for names, many in sorted((known | dict(figures.deliveries)).items()):
            deliveries.add_metric(names, many)
        yield deliveries
        # Not a counter: what an erased subscriber was sent is not counted any more.
        sent = (many for (_, state), many in figures.deliveries.items() if state in ("sent", "bounced"))
        yield GaugeMetricFamily(
            "digestbot_mails_taken", "Mails that a server took, all there ever were but erased ones.", value=sum(sent)
        )
        oldest = figures.oldest_waiting
        yield GaugeMetricFamily(
            "digestbot_oldest_waiting_mail_seconds",
            "Age of the mail that waits longest, 0 when none does.",
            value=max(0.0, (self._now - oldest).total_seconds()) if oldest else 0,
        )
        yield _by(
            "digestbot_subscribers",
            "Subscribers by state.",
            "state",
            {str(state): 0 for state in SubscriberState} | dict(figures.subscribers),
        )
        yield _by(
            "digestbot_suppressed_addresses",
            "Addresses that must not be mailed, by what led to it: bounces for good or for days, complaints, others.",
            "reason",
            dict.fromkeys(_REASONS, 0) | dict(figures.suppressions),
        )
        yield GaugeMetricFamily("digestbot_papers", "Papers in the store.", value=figures.papers)
        yield _by(
            "digestbot_source_last_success_timestamp_seconds",
            "When the last load of a source began that succeeded.",
            "source",
            {name: last.timestamp() for name, last in figures.last_success.items()},
        )
        yield _by(
            "digestbot_slowed_server_mails_per_second",
            "How many mails may go to a server that asked for patience, until it takes as many as it likes.",
            "server",
            figures.slowed,
        )
