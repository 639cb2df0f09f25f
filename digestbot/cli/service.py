"""``run``, ``serve`` and ``schedule``: what stays up."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from digestbot.cli.installation import Installation
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import DigestbotError

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

    from digestbot.web.pages import Pages


@click.command()
@click.pass_obj
def run(program: Program) -> None:
    """Run the scheduler and the web pages together, until SIGTERM or Ctrl-C."""
    _stay_up(program, web=True, schedule=True)


@click.command()
@click.pass_obj
def serve(program: Program) -> None:
    """Serve the web pages."""
    _stay_up(program, web=True, schedule=False)


@click.command()
@click.pass_obj
def schedule(program: Program) -> None:
    """Load and send when it is time."""
    _stay_up(program, web=False, schedule=True)


def _stay_up(program: Program, *, web: bool, schedule: bool) -> None:
    with program.installation() as installation:
        asyncio.run(_serve(installation, web=web, schedule=schedule))
    click.echo("stopped", err=True)


async def _serve(installation: Installation, *, web: bool, schedule: bool) -> None:
    stop = asked_to_stop()
    # Everything that can be wrong with settings, secrets or database is said before anything starts.
    pages = installation.pages()
    if schedule:
        _ = installation.composer, installation.letters
    server = web_server(installation, pages) if web else None
    serving = asyncio.create_task(server.serve()) if server else None
    if server and serving:
        await started(server, serving)
        port = server.servers[0].sockets[0].getsockname()[1]
        click.echo(f"web: http://{installation.settings.web.host}:{port}", err=True)
    from digestbot.cli.jobs import Jobs

    jobs = Jobs(installation, utc_now)
    ticker = jobs.ticker() if schedule else None
    if ticker:
        ticker.start(utc_now())
        click.echo("scheduler: running", err=True)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting, *([serving] if serving else [])}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if ticker:
        # In this order: stopping the ticker cancels what runs, and a mail cut off in hand would go out twice.
        await jobs.finished()
        ticker.stop()
    if server and serving:
        server.should_exit = True
        await serving


def asked_to_stop() -> asyncio.Event:
    """Return an event of the running loop that SIGTERM or Ctrl-C sets."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows has no signal handlers in its event loop; there Ctrl-C ends the run as it does any program.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """Wait until the server listens; raise when it ends instead."""
    while not server.started:
        if serving.done():
            config = server.config
            raise DigestbotError(
                f"the web pages cannot be served on {config.host}:{config.port}; see [web] in the settings"
            ) from serving.exception()
        await asyncio.sleep(0.02)


_GRACE_SECONDS = 3


def web_server(installation: Installation, pages: Pages) -> uvicorn.Server:
    """Return the server of the web pages."""
    from digestbot.cli.webhooks import webhooks
    from digestbot.web.app import create_app

    web = installation.settings.web
    app = create_app(pages, installation.paper_pages, webhooks=webhooks(installation), metrics=installation.metrics)
    return quiet_server(app, host=web.host, port=web.port)


def quiet_server(app: Starlette, *, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Server:
    """Return a web server whose signals are ours to handle; it logs no requests, since paths hold tokens."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit as error:
                raise DigestbotError("the web server cannot start") from error

    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="critical",
            access_log=False,
            server_header=False,
            # A client that does not finish its request must not keep the service from ending.
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
