"""A fake arXiv: a simulated world, and the feed, OAI-PMH and API that tell of it over a real socket.

Written from the field lists of our notes on arXiv's formats, with texts of our own.

    world = World(date(2026, 3, 2), date(2026, 3, 31), papers_a_day=40)
    with serving(Arxiv(world=world)) as arxiv:
        world.now = datetime(2026, 3, 4, 12, tzinfo=UTC)
        arxiv.oai.fail(None, expired_token)
        ...
        assert stored == world.announced(["cs.CL"], date(2026, 3, 4))
"""

from tests.fakes.arxiv.api import Api
from tests.fakes.arxiv.faults import (
    entry_without_id,
    entry_without_title,
    expired_token,
    lagging_dates,
    local_dates,
    no_entries,
    record_with_broken_date,
    record_without_title,
    short_page,
    unpadded_dates,
)
from tests.fakes.arxiv.feed import Feed
from tests.fakes.arxiv.history import Rates
from tests.fakes.arxiv.oai import Oai
from tests.fakes.arxiv.records import Author, Line, State, Version
from tests.fakes.arxiv.service import Arxiv
from tests.fakes.arxiv.world import World

__all__ = [
    "Api",
    "Arxiv",
    "Author",
    "Feed",
    "Line",
    "Oai",
    "Rates",
    "State",
    "Version",
    "World",
    "entry_without_id",
    "entry_without_title",
    "expired_token",
    "lagging_dates",
    "local_dates",
    "no_entries",
    "record_with_broken_date",
    "record_without_title",
    "short_page",
    "unpadded_dates",
]
