"""The web application: the routes of the public contract."""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digestbot.errors import StoreError
from digestbot.web import feedback, paper, preferences, subscription
from digestbot.web.languages import asked_for
from digestbot.web.metrics import Metrics
from digestbot.web.pages import BY_BROWSER, Pages, plain
from digestbot.web.paper import PaperPages
from digestbot.web.webhooks import Webhooks

log = structlog.get_logger()


def create_app(
    pages: Pages,
    paper_pages: PaperPages | None = None,
    *,
    webhooks: Webhooks | None = None,
    metrics: Metrics | None = None,
) -> Starlette:
    """Return the application that serves these pages, and those of papers when there is something to make them of.

    ``webhooks`` are for mail providers, ``None`` when none is set up; ``metrics`` are for a monitoring system, ``None``
    when there is to be no such page.
    """
    both = ["GET", "POST"]
    app = Starlette(
        routes=[
            *([Route("/paper/{identifier:path}", paper.show)] if paper_pages else []),
            Route("/f/{token}", feedback.feedback, methods=both),
            Route("/u/{token}", subscription.unsubscribe, methods=both),
            Route("/p/{token}", preferences.preferences, methods=both),
            Route("/c/{token}", subscription.confirm, methods=both),
            *([webhooks.route] if webhooks else []),
            *([metrics.route] if metrics else []),
            Route("/healthz", _healthz),
            Route("/readyz", _readyz),
        ],
        exception_handlers={HTTPException: _http_problem, StoreError: _store_problem, Exception: _failed},
    )
    app.state.pages = pages
    app.state.paper_pages = paper_pages
    return app


async def _healthz(_request: Request) -> Response:
    return plain("ok")


async def _readyz(request: Request) -> Response:
    pages: Pages = request.app.state.pages
    try:
        await run_in_threadpool(pages.ready)
    except StoreError as error:
        return plain(f"not ready: {error}", 503)
    return plain("ready")


async def _http_problem(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    pages: Pages = request.app.state.pages
    words = asked_for(request)
    if status == 404:
        return pages.say(
            words,
            words.gettext("There is no such page"),
            words.gettext("The links in your mails lead to the pages there are."),
            status=404,
        )
    answer = pages.say(
        words, words.gettext("That did not work"), words.gettext("This page does not do that."), status=status
    )
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    # The web server's own log would show the whole path, and a token in it.
    log.error("page failed", page=request.url.path, exc_info=error)
    # Nor can a page be relied on that says so.
    answer = plain(
        asked_for(request).gettext("Not now, sorry. Nothing was recorded. Please try the link again later."), 500
    )
    answer.headers.update(BY_BROWSER)
    return answer


async def _store_problem(request: Request, _error: Exception) -> Response:
    pages: Pages = request.app.state.pages
    words = asked_for(request)
    return pages.say(
        words,
        words.gettext("Not now, sorry"),
        words.gettext("Nothing was recorded. Please try the link again in a few minutes."),
        status=503,
    )
