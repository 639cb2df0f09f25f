"""The composition root: settings, secrets, store and all that works with them, made when a command needs it."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from digestbot.cli.addresses import stored_form
from digestbot.cli.times import Clock, utc_now

if TYPE_CHECKING:
    import jinja2

    from digestbot.cli.fits_of_pages import FitsOfPages
    from digestbot.digest.render import Renderer
    from digestbot.links import Links, SignedAddresses
    from digestbot.mail.dkim import Signer
    from digestbot.mail.message import Sender
    from digestbot.models import Subscriber
    from digestbot.pipeline.compose import Composer
    from digestbot.pipeline.due import Awaited
    from digestbot.pipeline.letters import Letters
    from digestbot.pipeline.refit import Fitter
    from digestbot.pipeline.refit import PaperStore as FittedPapers
    from digestbot.schedule import Due
    from digestbot.settings import Secrets, Settings
    from digestbot.store import Store
    from digestbot.store.fits import Fits
    from digestbot.web.metrics import Metrics
    from digestbot.web.pages import Pages
    from digestbot.web.paper import PaperPages


class Installation:
    """One installation with its parts, each made when first asked for.

    ``verbose`` is for processes that help this one: their logs are as its own.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, verbose: bool = False) -> None:
        self.settings = settings
        self.environ = environ
        self.verbose = verbose
        self._closing = ExitStack()

    @cached_property
    def store(self) -> Store:
        """The database."""
        from digestbot.store import Defaults, open_store

        schedule = self.settings.schedule
        defaults = Defaults(
            timezone=schedule.timezone,
            send_at=schedule.send_at,
            days=schedule.days,
            papers=self.settings.digest.papers,
            language=self.settings.mail.language,
        )
        opened = open_store(self.settings.path("database"), defaults=defaults, new_id=new_id)
        self._closing.callback(opened.close)
        return opened

    @cached_property
    def secrets(self) -> Secrets:
        """The secrets, made on first use."""
        from digestbot.settings import read_secrets

        return read_secrets(self.settings.path("secret_file"), self.environ, new_key)

    @cached_property
    def links(self) -> Links:
        """The signed links."""
        from digestbot.links import Links

        return Links(self.settings.base_url, self.secrets.keys)

    @cached_property
    def addresses(self) -> SignedAddresses | None:
        """The signed addresses that mails come back to, ``None`` without a domain for them."""
        from digestbot.links import SignedAddresses

        domain = self.settings.mail.bounce_domain
        return SignedAddresses(domain, self.secrets.keys) if domain else None

    @cached_property
    def templates(self) -> jinja2.Environment:
        """The templates, ours and the overriding ones."""
        from digestbot.digest.environment import environment
        from digestbot.settings import packaged

        return environment(packaged("templates"), self.settings.override_templates)

    @cached_property
    def renderer(self) -> Renderer:
        """What makes mails of digests."""
        from digestbot.digest.render import Renderer

        return Renderer(self.templates, self.links, postal_address=self.settings.mail.postal_address)

    def due(
        self, now: datetime, *, only: str | None = None, awaited: Awaited | None = None
    ) -> Iterator[tuple[Subscriber, Due]]:
        """Yield who is due and not served yet; what ranks is not loaded for that."""
        from digestbot.pipeline.due import due

        return due(self.store.subscribers, now, only=only, awaited=awaited)

    @cached_property
    def composer(self) -> Composer:
        """What chooses papers."""
        from digestbot.pipeline.compose import Composer
        from digestbot.ranking.rank import Choice
        from digestbot.ranking.selection import Rules

        digest, store = self.settings.digest, self.store
        return Composer(
            store.papers,
            store.subscribers,
            store.ratings,
            store.digests,
            self.fitter,
            choice=Choice(
                floor=digest.min_score,
                half_life_days=self.settings.ranking.half_life_days,
                rules=Rules(diversity=digest.diversity, explore=digest.explore),
            ),
            window_days=digest.window_days,
            domain=self.sender.domain,
            quiet=store.outbox if digest.quiet_day else None,
        )

    @cached_property
    def fitter(self) -> Fitter:
        """What papers are ranked with."""
        return self._fitter(self.store.papers)

    @cached_property
    def _fits(self) -> Fits:
        """The saved fits, in a folder beside the database."""
        from digestbot.store.fits import Fits

        database = self.settings.path("database")
        return Fits(database.with_name(f"{database.name}.fits"))

    def _fitter(self, papers: FittedPapers) -> Fitter:
        from digestbot.pipeline.refit import Fitter, Refitting
        from digestbot.ranking.features import Recipe

        ranking = self.settings.ranking
        how = Refitting(
            corpus_papers=ranking.corpus_papers,
            every=timedelta(hours=ranking.refit_every_hours),
            recipe=Recipe(dimensions=ranking.dimensions),
        )
        return Fitter(papers, self._fits, how)

    @property
    def sender(self) -> Sender:
        """Who the mails are from."""
        from digestbot.mail.message import Sender

        mail = self.settings.mail
        return Sender(sender=mail.sender, reply_to=mail.reply_to, list_name=mail.list_name)

    @cached_property
    def letters(self) -> Letters:
        """What makes bytes of deliveries."""
        from digestbot.pipeline.letters import Letters

        return Letters(
            self.store.digests,
            self.store.subscribers,
            self.renderer,
            self.links,
            self.sender,
            sign=self.signer.sign if self.signer else None,
            addresses=self.addresses,
        )

    @cached_property
    def signer(self) -> Signer | None:
        """What signs mails, ``None`` when they are not signed here."""
        from digestbot.cli.signing import signer
        from digestbot.settings.dkim_keys import signing_keys

        keys = signing_keys(self.settings)
        return signer(self.settings, keys) if keys else None

    @cached_property
    def metrics(self) -> Metrics | None:
        """What is counted for a monitoring system, ``None`` when the settings say so."""
        from digestbot.web.metrics import Metrics

        web = self.settings.web
        if web.metrics == "none":
            return None
        return Metrics(self.store.tally.figures, utc_now, base_url=self.settings.base_url, to_all=web.metrics == "all")

    def pages(self, clock: Clock = utc_now) -> Pages:
        """What the web pages work with."""
        from digestbot.web.pages import Pages

        store = self.store
        return Pages(
            digests=store.digests,
            ratings=store.ratings,
            subscribers=store.subscribers,
            domain=self.sender.domain,
            links=self.links,
            templates=self.templates,
            clock=clock,
            ready=store.papers.count,
        )

    @cached_property
    def paper_pages(self) -> PaperPages:
        """What the pages of papers work with."""
        from digestbot.web.paper import PaperPages
        from digestbot.web.similar import SimilarPapers

        similar = SimilarPapers(self.store.search, self.fits_of_pages.current)
        self._closing.callback(similar.close)
        return PaperPages(papers=self.store.papers, similar=similar)

    @cached_property
    def fits_of_pages(self) -> FitsOfPages:
        """What pages compare papers by."""
        from digestbot.cli.fits_of_pages import FitsOfPages
        from digestbot.web.similar import NoPapers

        # What ranks is loaded when a page asks for it.
        return FitsOfPages(
            used=lambda: self.fitter.used,
            fits=lambda: self._fits,
            taker=lambda: self._fitter(NoPapers()),
        )

    def subscriber(self, email: str) -> Subscriber:
        """The subscriber with this address, in whatever form it is typed."""
        return self.store.subscribers.by_email(stored_form(email))

    def close(self) -> None:
        """Close what was opened."""
        self._closing.close()


def new_id() -> int:
    """Return a random 63-bit id, never 0."""
    return randomness.randbelow(2**63 - 1) + 1


def new_key() -> str:
    """Return a fresh signing key."""
    return randomness.token_urlsafe(32)
