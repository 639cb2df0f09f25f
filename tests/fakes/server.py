"""A web server on loopback whose answers a service makes and faults spoil."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias, TypeVar
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked: the path without the query, the query's values, and the headers in lower case."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    def value(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes over the wire. ``cut`` ends the connection after so many bytes of the body that was promised;
    ``repeat`` sends the body so many times. ``silent`` ends it without a word, ``undeclared`` leaves the length of the
    body out, and ``drip`` waits so many seconds before each of its bytes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    repeat: int = 1
    silent: bool = False
    undeclared: bool = False
    drip: float = 0.0


Fault: TypeAlias = Callable[[Answer], Answer]


@dataclass
class Service(ABC):
    """One fake service: a subclass says what it answers, a test says what goes wrong with it.

    ``faults`` are used up, one for each request that the service answers; ``None`` in the row lets one pass.
    """

    url: str = ""
    asked: list[Request] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Return what the service answers while nothing goes wrong."""

    def fail(self, *faults: Fault | None) -> None:
        """Spoil the next answers, in this order."""
        self.faults.extend(faults)

    def reply(self, request: Request) -> Answer:
        self.asked.append(request)
        fault = self.faults.popleft() if self.faults else None
        answer = self.answer(request)
        return fault(answer) if fault else answer


class _Server(ThreadingHTTPServer):
    """Hands its connections to a service; with ``security`` it is an https server."""

    daemon_threads = True

    def __init__(self, service: Service, security: ssl.SSLContext | None) -> None:
        self.service = service
        self.security = security
        super().__init__(("127.0.0.1", 0), _Handler)
        service.url = f"{'https' if security else 'http'}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        return (self.security.wrap_socket(connection, server_side=True) if self.security else connection), address

    def handle_error(self, request: object, client_address: object) -> None:
        """Let the failure of a test's own service be seen, and a client that hangs up be silent."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.service.reply(Request(path=parts.path, query=parse_qs(parts.query), headers=headers))
        if answer.silent:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.undeclared:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(answer.body) * answer.repeat))
        self.end_headers()
        self.send_body(answer)

    def send_body(self, answer: Answer) -> None:
        if answer.cut is not None:
            self.wfile.write(answer.body[: answer.cut])
            self.close_connection = True
        elif answer.drip:
            for at in range(len(answer.body)):
                time.sleep(answer.drip)
                self.wfile.write(answer.body[at : at + 1])
        else:
            for _ in range(answer.repeat):
                self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Stay silent."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # The client has heard enough.
            return


Served = TypeVar("Served", bound=Service)


@contextmanager
def serving(service: Served, security: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve on a free port of 127.0.0.1, for the length of a block; the service's ``url`` says where.

    With ``security`` it is an https server.
    """
    server = _Server(service, security)
    running = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.002))
    running.start()
    try:
        yield service
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def too_many_requests(_: Answer) -> Answer:
    return Answer(status=429, body=b"Rate exceeded.", headers={"Content-Type": "text/html"})


def unavailable(retry_after: str | None = None) -> Fault:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda _: Answer(status=503, body=b"busy", headers=headers)


def cut_off(answer: Answer) -> Answer:
    return replace(answer, cut=len(answer.body) // 2)


def empty(_: Answer) -> Answer:
    return Answer()


def maintenance(_: Answer) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>Back soon</title></head><body><p>We are at work.<br></body></html>"
    return Answer(body=page, headers={"Content-Type": "text/html; charset=utf-8"})


def invalid_utf8(answer: Answer) -> Answer:
    """Spoil one letter of the text, somewhere behind the middle."""
    at = answer.body.find(b"e", len(answer.body) // 2)
    return replace(answer, body=answer.body[:at] + b"\xff" + answer.body[at + 1 :]) if at > 0 else answer


def xml_bomb(_: Answer) -> Answer:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY e0 "boom">{entities}]><feed>&e9;</feed>'
    return Answer(body=bomb.encode(), headers={"Content-Type": "application/xml"})


def huge(_: Answer) -> Answer:
    """Send 200 MB."""
    return Answer(body=b" " * 1_000_000, repeat=200)


def moved(to: str, status: int = 302) -> Fault:
    return lambda _: Answer(status=status, headers={"Location": to})


def silent(_: Answer) -> Answer:
    """Hang up without a word."""
    return Answer(silent=True)


FAILURES: dict[str, Fault] = {
    "too many requests": too_many_requests,
    "unavailable": unavailable(),
    "unavailable, and come back": unavailable("0"),
    "cut off": cut_off,
    "empty": empty,
    "maintenance": maintenance,
    "bomb": xml_bomb,
    "silent": silent,
    "moved to another port": moved("http://127.0.0.1:9/"),
}
"""What is no answer of the service at all. None of them takes long."""
