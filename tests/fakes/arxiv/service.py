"""arXiv's three interfaces on one port."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from tests.fakes.arxiv.api import Api
from tests.fakes.arxiv.feed import Feed
from tests.fakes.arxiv.oai import Oai
from tests.fakes.arxiv.world import World
from tests.fakes.server import Answer, Request, Service


@dataclass(kw_only=True)
class Arxiv(Service):
    """``/atom/Q`` and ``/rss/Q``, ``/oai``, ``/api/query``; each interface has faults and ``asked`` of its own.

    Faults and ``asked`` of the whole are for whatever comes, in the order that it comes; the whole's faults are
    used up first, and a request that meets one reaches no interface. ``arrived`` are the moments in seconds of a
    steady clock, ``most_at_once`` is how many requests were in work at the same time.
    """

    world: World
    feed: Feed = field(init=False)
    oai: Oai = field(init=False)
    api: Api = field(init=False)
    arrived: list[float] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.feed, self.oai, self.api = Feed(world=self.world), Oai(world=self.world), Api(world=self.world)

    @property
    def feed_url(self) -> str:
        return f"{self.url}/atom"

    @property
    def rss_url(self) -> str:
        return f"{self.url}/rss"

    @property
    def oai_url(self) -> str:
        return f"{self.url}/oai"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/query"

    def reply(self, request: Request) -> Answer:
        with self._lock:
            self.arrived.append(time.monotonic())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return super().reply(request)
        finally:
            with self._lock:
                self._at_once -= 1

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(("/atom/", "/rss/")):
            return self.feed.reply(request)
        if request.path == "/oai":
            return self.oai.reply(request)
        if request.path == "/api/query":
            return self.api.reply(request)
        return Answer(status=404, body=b"Not found", headers={"Content-Type": "text/html"})
