"""Every setting with its default and what it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digestbot.settings.values import (
    ArxivCategory,
    BaseUrl,
    Days,
    DomainOrNone,
    DomainOrStar,
    FeedName,
    Language,
    Line,
    Mailbox,
    MailboxName,
    MailboxOrNone,
    Pace,
    Selector,
    ServiceUrl,
    Time,
    TrueFalseOrAuto,
    Url,
    Username,
    Zone,
)

ENVIRONMENT_PREFIX = "DIGESTBOT_"


class Section(BaseModel):
    """A table of the settings file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(Section):
    """Where the pages are served, and under which address readers reach them."""

    base_url: BaseUrl = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    metrics: Literal["local", "all", "none"] = "local"


class Smtp(Section):
    """The server that takes the mail; without a host, mails become files."""

    host: Line = ""
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    username: Line = ""
    connections: int = Field(default=10, ge=1, le=200)
    workers: int = Field(default=0, ge=0, le=64)
    on_uncertain: Literal["resend", "hold"] = "resend"
    per_second: float = Field(default=0, ge=0)
    per_hour: int = Field(default=0, ge=0)
    per_domain: dict[DomainOrStar, Annotated[float, Field(gt=0)]] = {}


class Mail(Section):
    """Who the mail is from."""

    sender: Mailbox = "digestbot <digestbot@localhost>"
    reply_to: MailboxOrNone = ""
    list_name: Line = "Daily paper digest"
    bounce_domain: DomainOrNone = ""
    admin: MailboxOrNone = ""
    postal_address: Line = ""
    language: Language = "en"


class Ses(Section):
    """Amazon SES, which tells of bounces through a topic of Amazon SNS."""

    topic: Line = ""


class Postmark(Section):
    """Postmark, which shows this name, and a password, with what it tells."""

    username: Username = "digestbot"


class SendGrid(Section):
    """SendGrid, which signs what it tells; by this key it is known."""

    public_key: Line = ""


class Bounces(Section):
    """Where bounces are fetched from, when no mail server pipes them to us, and which providers tell of them."""

    kind: Literal["none", "imap", "maildir"] = "none"
    host: Line = ""
    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "tls"
    username: Line = ""
    mailbox: MailboxName = "INBOX"
    maildir: Line = ""
    folder: MailboxName = ""
    every_minutes: int = Field(default=5, ge=1, le=1440)
    ses: Ses = Ses()
    postmark: Postmark = Postmark()
    sendgrid: SendGrid = SendGrid()

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        needed = {"none": (), "imap": ("host", "username", "mailbox"), "maildir": ("maildir",)}[self.kind]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f'with kind = "{self.kind}" it needs: {", ".join(missing)}')
        return self


class Dkim(Section):
    """The signatures of mails: by the sender's domain, unless it is another, with the keys of ``dkim generate``."""

    sign: TrueFalseOrAuto = "auto"
    domain: DomainOrNone = ""
    selector_rsa: Selector = "digestbot-rsa"
    rsa_key: Line = ""
    selector_ed25519: Selector = "digestbot-ed"
    ed25519_key: Line = ""

    @model_validator(mode="after")
    def _a_selector_for_each(self) -> Self:
        if self.selector_rsa.lower() == self.selector_ed25519.lower():
            raise ValueError("selector_rsa and selector_ed25519 are the same; the DNS needs a name for each key")
        return self


class DigestSettings(Section):
    """What goes into a digest."""

    papers: int = Field(default=10, ge=1, le=50)
    window_days: int = Field(default=3, ge=1, le=14)
    min_score: float = 0.0
    diversity: float = Field(default=0.1, ge=0, le=1)
    explore: int = Field(default=1, ge=0, le=10)
    quiet_day: bool = False


class Schedule(Section):
    """When digests are sent to those who chose nothing else, and how often sources are asked."""

    send_at: Time = "07:00"
    timezone: Zone = "UTC"
    days: Days = "daily"
    load_every_minutes: int = Field(default=60, ge=1, le=1440)
    poll_every_minutes: int = Field(default=10, ge=1, le=1440)
    wait_minutes: int = Field(default=120, ge=0, le=1440)


class Ranking(Section):
    """How profiles are trained."""

    corpus_papers: int = Field(default=20_000, ge=100, le=500_000)
    dimensions: int = Field(default=200, ge=2, le=1000)
    refit_every_hours: int = Field(default=24, ge=1, le=8760)
    half_life_days: float = Field(default=365.0, ge=0, le=36_500)
    workers: int = Field(default=0, ge=0, le=256)


class Arxiv(Section):
    """arXiv: the announcement feed, OAI-PMH for the days that were missed, the API for single papers."""

    enabled: bool = True
    categories: tuple[ArxivCategory, ...] = ("cs.CL", "cs.CV", "cs.IR", "cs.LG")
    cross_lists: bool = True
    feed_url: ServiceUrl = "https://rss.arxiv.org/atom"
    oai_url: ServiceUrl = "https://oaipmh.arxiv.org/oai"
    api_url: ServiceUrl = "https://export.arxiv.org/api/query"
    pace: Pace = 3.0


class HuggingFace(Section):
    """Hugging Face's daily papers."""

    enabled: bool = False
    url: ServiceUrl = "https://huggingface.co/api/daily_papers"
    pace: Pace = 1.0


class Biorxiv(Section):
    """bioRxiv."""

    enabled: bool = False
    url: ServiceUrl = "https://api.biorxiv.org/details/biorxiv"
    categories: tuple[Line, ...] = ()
    pace: Pace = 1.0


class Medrxiv(Biorxiv):
    """medRxiv, which answers at bioRxiv's address."""

    url: ServiceUrl = "https://api.biorxiv.org/details/medrxiv"


class Feed(Section):
    """An RSS, Atom or JSON feed."""

    name: FeedName
    url: Url
    enabled: bool = True
    pace: Pace = 1.0


_SOURCES = ("arxiv", "huggingface", "biorxiv", "medrxiv", "files")
# The ids of a feed's papers begin with its name: nobody else's may.
_PREFIXES_OF_IDS = ("doi", "file", "title", "feed")


class Sources(Section):
    """Where papers come from."""

    patience: float = Field(default=30.0, ge=0.1, le=600)
    arxiv: Arxiv = Arxiv()
    huggingface: HuggingFace = HuggingFace()
    biorxiv: Biorxiv = Biorxiv()
    medrxiv: Medrxiv = Medrxiv()
    feeds: tuple[Feed, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address that the settings name: these may be private."""
        arxiv = self.arxiv
        services = (arxiv.feed_url, arxiv.oai_url, arxiv.api_url, self.huggingface.url, self.biorxiv.url)
        return (*services, self.medrxiv.url, *(feed.url for feed in self.feeds))

    @field_validator("feeds")
    @classmethod
    def _names_of_their_own(cls, feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
        taken = [*_SOURCES, *_PREFIXES_OF_IDS, *(feed.name for feed in feeds)]
        for name in taken:
            if taken.count(name) > 1:
                raise ValueError(f"the name '{name}' is taken; give each feed a name of its own")
        return feeds


class Settings(BaseSettings):
    """Everything that can be set; every key has a default."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    database: str = "digestbot.sqlite"
    templates: str = ""
    secret_file: str = "digestbot.secret"  # noqa: S105 - the name of a file
    mailbox: str = "mailbox"
    web: Web = Web()
    smtp: Smtp = Smtp()
    mail: Mail = Mail()
    bounces: Bounces = Bounces()
    dkim: Dkim = Dkim()
    digest: DigestSettings = DigestSettings()
    schedule: Schedule = Schedule()
    ranking: Ranking = Ranking()
    sources: Sources = Sources()

    _root: Path = PrivateAttr(default=Path())

    @field_validator("bounces")
    @classmethod
    def _to_a_domain_of_their_own(cls, bounces: Bounces, info: ValidationInfo) -> Bounces:
        mail = info.data.get("mail")
        if bounces.kind != "none" and mail is not None and not mail.bounce_domain:
            raise ValueError("they are fetched from a mailbox, but no mail comes back: set [mail] bounce_domain too")
        return bounces

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what ``read_settings`` has put together: nothing is read behind its back."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    def rooted(self, folder: Path) -> Self:
        """Take relative paths from this folder."""
        self._root = folder
        return self

    def path(self, name: Literal["database", "templates", "secret_file", "mailbox"]) -> Path:
        """Return one of the paths, seen from the folder of the settings file."""
        return self._root / str(getattr(self, name))

    def dkim_key(self, kind: Literal["rsa", "ed25519"]) -> Path:
        """Return the file of a key that signs mails: the one that is named, else the one beside the secret file.

        Called by its selector, so that a new selector gets a new key, and the old one is kept for mails under way.
        """
        dkim = self.dkim
        named, selector = {
            "rsa": (dkim.rsa_key, dkim.selector_rsa),
            "ed25519": (dkim.ed25519_key, dkim.selector_ed25519),
        }[kind]
        return self._root / named if named else self.path("secret_file").parent / f"{selector}.pem"

    @property
    def maildir(self) -> Path:
        """The Maildir that bounces come to."""
        return self._root / self.bounces.maildir

    @property
    def base_url(self) -> str:
        """The address under which readers reach the pages."""
        if self.web.base_url:
            return self.web.base_url
        host = f"[{self.web.host}]" if ":" in self.web.host else self.web.host
        return f"http://{host}:{self.web.port}"

    @property
    def override_templates(self) -> Path | None:
        """The folder whose templates replace ours, if one is set."""
        return self.path("templates") if self.templates else None
