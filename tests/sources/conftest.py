"""A small HTTP server on loopback that answers as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Site:
    """What the server answers, in turn, the last answer for ever; and what it was asked."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.agents.append(self.headers["User-Agent"])
            status, body = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Stay silent."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                # The client has heard enough, or the answer was to hang up.
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    running = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    running.start()
    yield made
    server.shutdown()
    running.join()
    server.server_close()
