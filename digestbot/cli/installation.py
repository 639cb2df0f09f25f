"""The composition root: settings, secrets, store and jobs, put together when a command needs them."""

from __future__ import annotations

import os
import random
import secrets as randomness
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from digestbot.cli.addresses import stored_form
from digestbot.cli.times import Clock, utc_now
from digestbot.errors import UsageError
from digestbot.models import EVERYTHING, Share

if TYPE_CHECKING:
    import jinja2

    from digestbot.digest.render import Renderer
    from digestbot.links import Links, SignedAddresses
    from digestbot.mail.dkim import Signer
    from digestbot.mail.message import Sender
    from digestbot.mail.smtp import Server
    from digestbot.models import RateLimits, Subscriber
    from digestbot.pipeline.compose import Composer
    from digestbot.pipeline.deliver import Connection, Deliverer, Outcome
    from digestbot.pipeline.due import Awaited
    from digestbot.pipeline.letters import Letters
    from digestbot.pipeline.refit import Fitter
    from digestbot.pipeline.refit import PaperStore as FittedPapers
    from digestbot.pipeline.watch import Pace, Report, Watched
    from digestbot.ranking.fit import Fit
    from digestbot.schedule import Due
    from digestbot.settings import Secrets, Settings
    from digestbot.sources import Source
    from digestbot.sources.arxiv import ArxivApi
    from digestbot.sources.client import Client
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
        return open_store(self.settings.path("database"), defaults=defaults, new_id=new_id)

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
        from digestbot.cli.dkim import signer
        from digestbot.settings.dkim_keys import signing_keys

        keys = signing_keys(self.settings)
        return signer(self.settings, keys) if keys else None

    @contextmanager
    def deliverer(self, share: Share = EVERYTHING) -> Iterator[Deliverer]:
        """A run of delivering, under its own lock; ``share`` is what it begins with."""
        from digestbot.cli.bouncing import recorder
        from digestbot.pipeline.deliver import Deliverer

        smtp = self.settings.smtp
        outbox = self.store.outbox
        outbox.open_run(randomness.token_hex(8), self._rate_limits)
        try:
            yield Deliverer(
                outbox=outbox,
                bounces=recorder(self),
                letters=self.letters,
                connect=self._connect,
                connections=smtp.connections if smtp.host else 1,
                on_uncertain=smtp.on_uncertain,
                chance=random.random,
                share=share,
            )
        finally:
            outbox.close_run()

    @property
    def delivering_processes(self) -> int:
        """How many processes deliver when there is much to do."""
        smtp = self.settings.smtp
        return (smtp.workers or os.cpu_count() or 1) if smtp.host else 1

    @property
    def _rate_limits(self) -> RateLimits:
        from digestbot.models import RateLimits

        smtp = self.settings.smtp
        return RateLimits(
            server=f"server {smtp.host}:{smtp.port}",
            per_second=smtp.per_second,
            per_hour=smtp.per_hour,
            per_domain=smtp.per_domain,
        )

    def _connect(self) -> Connection:
        server = self.server
        if server is None:
            from digestbot.mail.folder import MailFolder

            return MailFolder(self.settings.path("mailbox"))
        from digestbot.mail.smtp import SmtpConnection

        return SmtpConnection(server)

    @property
    def server(self) -> Server | None:
        """The server that takes the mails, ``None`` when they become files."""
        smtp = self.settings.smtp
        if not smtp.host:
            return None
        from digestbot.mail.smtp import Server

        return Server(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            username=smtp.username,
            password=self.secrets.smtp_password,
        )

    def client(self) -> Client:
        """The HTTP client for sources."""
        import stamina.instrumentation

        from digestbot.sources.client import Client

        # A retry that helps is not news; one that does not is said once, by whoever asked.
        stamina.instrumentation.set_on_retry_hooks(())
        settings = self.settings
        database = settings.path("database")
        return Client(
            folder=database.with_name(f"{database.name}.http"),
            clock=utc_now,
            contact=settings.mail.reply_to or settings.mail.admin,
            allowed=settings.sources.urls,
            patience=settings.sources.patience,
        )

    def sources(self, client: Client, names: tuple[str, ...]) -> list[Source]:
        """The sources of these names, enabled or not; without names, the enabled ones."""
        from digestbot.cli.registry import registry

        known = registry(self.settings.sources, client)
        for name in names:
            if name not in known:
                raise UsageError(f"there is no source '{name}'; there are: {', '.join(known)}")
        chosen = names or [one.name for one in self.watched if one.enabled]
        return [known[name]() for name in dict.fromkeys(chosen)]

    def arxiv_api(self, client: Client) -> ArxivApi:
        """What completes single papers of arXiv."""
        from digestbot.sources.arxiv import ArxivApi

        arxiv = self.settings.sources.arxiv
        return ArxivApi(client=client, url=arxiv.api_url, pace=arxiv.pace)

    @property
    def watched(self) -> list[Watched]:
        """Every source of the settings, in the order they are asked."""
        from digestbot.cli.registry import watched

        return watched(self.settings.sources)

    @property
    def pace(self) -> Pace:
        """How often sources are asked, and how long digests wait for them."""
        from digestbot.pipeline.watch import Pace

        schedule = self.settings.schedule
        return Pace(
            load_every=timedelta(minutes=schedule.load_every_minutes),
            poll_every=timedelta(minutes=schedule.poll_every_minutes),
            wait=timedelta(minutes=schedule.wait_minutes),
        )

    def source_reports(self, now: datetime) -> list[Report]:
        """How each source is doing."""
        from digestbot.pipeline.watch import report

        loads, pace = self.store.loads, self.pace
        return [report(one, loads.history(one.name, now), now, pace) for one in self.watched]

    def awaits_papers(self, now: datetime) -> bool:
        """Whether today's papers are still to come from a source that digests wait for."""
        from digestbot.pipeline.watch import is_awaited

        return any(is_awaited(one, self.store.loads.history(one.name, now), now) for one in self.watched)

    def raise_alarm(self, now: datetime) -> None:
        """Log which sources are silent or fail, and put a mail to the admin into the outbox, once a day."""
        from digestbot.pipeline.alerts import raise_alarm

        raise_alarm(
            self.source_reports(now),
            now,
            outbox=self.store.outbox,
            suppressions=self.store.suppressions,
            admin=self.settings.mail.admin,
            domain=self.sender.domain,
        )

    def tell_of_stop(self, outcome: Outcome, now: datetime) -> str:
        """Log that mail does not go out and let a mail to the admin wait, if somebody has to look.

        Return who is told how, in a sentence; empty when nobody has to look.
        """
        from digestbot.pipeline.stoppages import Alarm

        smtp, store = self.settings.smtp, self.store
        alarm = Alarm(
            undone=store.undone,
            outbox=store.outbox,
            suppressions=store.suppressions,
            admin=self.settings.mail.admin,
            domain=self.sender.domain,
            server=f"{smtp.host}:{smtp.port}" if smtp.host else "",
        )
        return alarm.tell(outcome, now)

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
            outbox=store.outbox,
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

        return PaperPages(papers=self.store.papers, similar=SimilarPapers(self.store.search, self.fit_of_pages))

    def fit_of_pages(self, now: datetime) -> Fit | None:
        """The fit that pages compare papers by, asked for by one thread at a time; ``None`` until one is made.

        It is the very one that digests are ranked with in this process, or else one that was saved: when there are no
        digests here, when none has been composed yet, or when another program has made one for a nearer time.
        """
        used = self.fitter.used if "fitter" in self.__dict__ else None
        if used is None or any(abs(now - saved) < abs(now - used.fitted_at) for _, saved in self._fits.saved()):
            return self._taker.current(now)
        # What was read from the disk before is let go.
        self.__dict__.pop("_taker", None)
        return used

    @cached_property
    def _taker(self) -> Fitter:
        """Takes the fits that the other fitter makes, and makes none."""
        from digestbot.web.similar import NoPapers

        return self._fitter(NoPapers())

    def subscriber(self, email: str) -> Subscriber:
        """The subscriber with this address, in whatever form it is typed."""
        return self.store.subscribers.by_email(stored_form(email))

    def close(self) -> None:
        """Close the database if it was opened."""
        if "paper_pages" in self.__dict__:
            self.paper_pages.similar.close()
        if "store" in self.__dict__:
            self.store.close()


def new_id() -> int:
    """Return a random 63-bit id, never 0."""
    return randomness.randbelow(2**63 - 1) + 1


def new_key() -> str:
    """Return a fresh signing key."""
    return randomness.token_urlsafe(32)
