"""Composing what is due: in this process alone, or, where very many are due, in several at once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from digestbot.errors import DigestbotError

if TYPE_CHECKING:
    from digestbot.cli.program import Installation
    from digestbot.pipeline.compose import Awaited
    from digestbot.settings import Settings

# Below this a second process takes longer to start than it saves.
_MANY = 5000
_IDS = 2**63 - 1


def compose_due(
    installation: Installation, now: datetime, *, only: str | None = None, awaited: Awaited | None = None
) -> int:
    """Compose all that is due and put it into the outbox; return how many digests are new.

    Each process takes the subscribers of a range of ids. What was stored stays when one of them ends early.
    """
    composer = installation.composer
    workers = installation.settings.ranking.workers or os.cpu_count() or 1
    if only is not None or workers == 1 or installation.store.subscribers.count_active() < _MANY:
        return sum(1 for _ in composer.compose_due(now, only=only, awaited=awaited))
    # Before they all do it.
    composer.prepare(now)
    bounds = [max(1, _IDS * number // workers) for number in range(workers + 1)]
    parts = [range(first, behind) for first, behind in pairwise(bounds)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers - 1, mp_context=spawn) as others:
        helping = [
            others.submit(_compose_part, installation.settings, installation.environ, now, awaited, part)
            for part in parts[1:]
        ]
        composed = sum(1 for _ in composer.compose_due(now, awaited=awaited, among=parts[0]))
        try:
            return composed + sum(one.result() for one in helping)
        except BrokenProcessPool as error:
            raise DigestbotError(
                "a process that composes was ended from outside; what it stored is there, run this again for the rest"
            ) from error


def _compose_part(
    settings: Settings, environ: Mapping[str, str], now: datetime, awaited: Awaited | None, part: range
) -> int:
    from digestbot.cli.program import Installation

    installation = Installation(settings, environ)
    try:
        return sum(1 for _ in installation.composer.compose_due(now, awaited=awaited, among=part))
    finally:
        installation.close()
