"""A web site of any pages, and one that is watched for how it is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from tests.fakes.server import Answer, Request, Service

Page: TypeAlias = Answer | Callable[[Request], Answer]


@dataclass
class Site(Service):
    """Pages by their path; an address without one is the page ``/``."""

    pages: dict[str, Page] = field(default_factory=lambda: {"/": Answer(body=b"here")})

    def answer(self, request: Request) -> Answer:
        page = self.pages.get(request.path, Answer(status=404, body=b"nothing here"))
        return page(request) if callable(page) else page

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


@dataclass
class Turnstile(Service):
    """Takes its time over each answer, and notes when each began and whether two were ever asked for at once."""

    seconds: float = 0.03
    began: list[float] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    door: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        with self.door:
            self.began.append(time.monotonic())
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        time.sleep(self.seconds)
        with self.door:
            self.inside -= 1
        return Answer(body=b"passed")

    def shortest_gap(self) -> float:
        return min(later - earlier for earlier, later in pairwise(self.began))
