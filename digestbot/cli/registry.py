"""The sources that there are, made as the settings say, and what may be expected of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from digestbot.pipeline.watch import Watched
from digestbot.sources import Source
from digestbot.sources.arxiv import ArxivSource
from digestbot.sources.biorxiv import BiorxivSource
from digestbot.sources.feeds import FeedSource
from digestbot.sources.huggingface import HuggingFaceSource

if TYPE_CHECKING:
    from digestbot.settings.declared import Sources
    from digestbot.sources.client import Client


def registry(of: Sources, client: Client) -> dict[str, Callable[[], Source]]:
    """Return what makes each source, by name."""
    known: dict[str, Callable[[], Source]] = {
        "arxiv": partial(
            ArxivSource,
            client,
            categories=of.arxiv.categories,
            feed_url=of.arxiv.feed_url,
            oai_url=of.arxiv.oai_url,
            cross_lists=of.arxiv.cross_lists,
            pace=of.arxiv.pace,
        ),
        "huggingface": partial(HuggingFaceSource, client, url=of.huggingface.url, pace=of.huggingface.pace),
        "biorxiv": partial(
            BiorxivSource,
            client,
            name="biorxiv",
            url=of.biorxiv.url,
            categories=of.biorxiv.categories,
            pace=of.biorxiv.pace,
        ),
        "medrxiv": partial(
            BiorxivSource,
            client,
            name="medrxiv",
            url=of.medrxiv.url,
            categories=of.medrxiv.categories,
            pace=of.medrxiv.pace,
        ),
    }
    for feed in of.feeds:
        known[feed.name] = partial(FeedSource, client, name=feed.name, url=feed.url, pace=feed.pace)
    return known


def watched(of: Sources) -> list[Watched]:
    """Return every source, in the order they are asked: only arXiv's papers are waited for."""
    return [
        Watched(name="arxiv", enabled=of.arxiv.enabled, late=0),
        Watched(name="huggingface", enabled=of.huggingface.enabled, late=1),
        Watched(name="biorxiv", enabled=of.biorxiv.enabled, late=1),
        Watched(name="medrxiv", enabled=of.medrxiv.enabled, late=1),
        *(Watched(name=feed.name, enabled=feed.enabled) for feed in of.feeds),
    ]
