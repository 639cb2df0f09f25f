"""Logs: structured, on stderr, without addresses or tokens."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

# RFC 5322's atext; of a quoted local part at least the domain goes.
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~\"-]+@(?=[\w\[-])[\w.:\[\]-]+")
_TOKEN = re.compile(r"(/[fupc]/)[\w.=-]+")


def configure(stream: TextIO, *, verbose: bool = False) -> None:
    """Send log lines to ``stream``; warnings only, unless ``verbose``."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # A traceback is text before it is redacted, and never shows local variables: they hold secrets.
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if verbose else logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take mail addresses and link tokens out of what is logged; Message-IDs stay."""
    for key, value in event.items():
        if isinstance(value, str) and key != "message_id":
            event[key] = _TOKEN.sub(r"\1…", _ADDRESS.sub("…@…", value))
    return event
