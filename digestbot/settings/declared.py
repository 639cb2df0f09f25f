"""Every setting with its default and what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digestbot.errors import UsageError
from digestbot.models import canonical_days, parse_language, parse_time, zone

ENVIRONMENT_PREFIX = "DIGESTBOT_"
# RFC 1123 section 2.1, with the limits of RFC 1035 section 2.3.4.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DNS_NAME = rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*"
T = TypeVar("T")


def _valid_time(text: str) -> str:
    return _or_value_error(parse_time, text).strftime("%H:%M")


def _valid_zone(text: str) -> str:
    return str(_or_value_error(zone, text).key)


def _valid_days(text: str) -> str:
    return _or_value_error(canonical_days, text)


def _valid_language(text: str) -> str:
    return _or_value_error(parse_language, text)


def _or_value_error(function: Callable[[str], T], text: str) -> T:
    try:
        return function(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _valid_mailbox(text: str) -> str:
    name, address = parseaddr(text)
    try:
        Address(display_name=name, addr_spec=address)
    except Exception as error:
        raise ValueError("is not a mail address; write name@example.org or Name <name@example.org>") from error
    if not address.isascii():
        raise ValueError("needs an address in ASCII (a name like exämple.org in its xn-- form)")
    if "@" not in address or any(character in text for character in "\r\n\0"):
        raise ValueError("is not a mail address; write name@example.org or Name <name@example.org>")
    return text


def _valid_mailbox_or_none(text: str) -> str:
    return _valid_mailbox(text) if text else ""


def _valid_base_url(text: str) -> str:
    return _valid_url(text) if text else text


def _valid_url(text: str) -> str:
    if not text:
        raise ValueError("is empty; write its address, or leave the line out")
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (or http:// on one machine)")
    # It stands in headers of mails as it is.
    problem = "is not a web address; write it in ASCII (a name like exämple.org in its xn-- form)"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(problem) from error
    if not text.isascii() or any(character in text for character in ' <>"\\') or not parts.hostname:
        raise ValueError(problem)
    if "@" in parts.netloc:
        raise ValueError("has a name or password in it; secrets do not belong here")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("has a port that cannot be; write one from 1 to 65535")
    return text.rstrip("/")


def _without_query(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("has a ? or # in it; write the address up to there: what is asked is put behind it")
    return text


def _arxiv_category(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z-]+(\.[A-Za-z-]+)?", text):
        raise ValueError('is no category of arXiv; write a list such as ["cs.CL", "cs.LG"]')
    return text


def _feed_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError("is no name; use small letters, digits and -, at most 40, and no - in front")
    return text


def _valid_domain_or_none(text: str) -> str:
    if text and not re.fullmatch(DNS_NAME, text):
        raise ValueError("is no domain; write one such as example.org (a name like exämple.org in its xn-- form)")
    return text


def _valid_domain_or_star(text: str) -> str:
    return text if text == "*" else _valid_domain_or_none(text or " ").lower()


def _valid_mailbox_name(text: str) -> str:
    # RFC 3501 section 5.1.3: whoever needs more can write the modified UTF-7 that their server shows.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("is no name of a mailbox; write it in ASCII, as the server does")
    return text


def _valid_username(text: str) -> str:
    # RFC 7617 section 2: the first colon ends the name.
    if not text or ":" in text:
        raise ValueError("is no name to log in with; use one without a colon")
    return text


def _valid_selector(text: str) -> str:
    if not re.fullmatch(DNS_NAME, text):
        raise ValueError("is no selector; use letters, digits and -, such as digestbot-2026")
    return text


def _true_false_or_auto(value: object) -> object:
    if value == "auto":
        return value
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError as error:
        raise ValueError('must be true, false or "auto"') from error


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("must be one line")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
BaseUrl = Annotated[str, AfterValidator(_one_line), AfterValidator(_valid_base_url)]
Url = Annotated[str, AfterValidator(_one_line), AfterValidator(_valid_url)]
# A built-in service, which is asked by a query or a path of our own.
ServiceUrl = Annotated[Url, AfterValidator(_without_query)]
# Seconds between two requests to one host.
Pace = Annotated[float, Field(ge=0, le=3600)]
Mailbox = Annotated[str, AfterValidator(_valid_mailbox)]
DomainOrStar = Annotated[str, AfterValidator(_valid_domain_or_star)]


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
    reply_to: Annotated[str, AfterValidator(_valid_mailbox_or_none)] = ""
    list_name: Line = "Daily paper digest"
    bounce_domain: Annotated[str, AfterValidator(_valid_domain_or_none)] = ""
    admin: Annotated[str, AfterValidator(_valid_mailbox_or_none)] = ""
    postal_address: Line = ""
    language: Annotated[str, AfterValidator(_valid_language)] = "en"


class Ses(Section):
    """Amazon SES, which tells of bounces through a topic of Amazon SNS."""

    topic: Line = ""


class Postmark(Section):
    """Postmark, which shows this name, and a password, with what it tells."""

    username: Annotated[Line, AfterValidator(_valid_username)] = "digestbot"


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
    mailbox: Annotated[str, AfterValidator(_valid_mailbox_name)] = "INBOX"
    maildir: Line = ""
    folder: Annotated[str, AfterValidator(_valid_mailbox_name)] = ""
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

    sign: Annotated[bool | Literal["auto"], BeforeValidator(_true_false_or_auto)] = "auto"
    domain: Annotated[str, AfterValidator(_valid_domain_or_none)] = ""
    selector_rsa: Annotated[str, AfterValidator(_valid_selector)] = "digestbot-rsa"
    rsa_key: Line = ""
    selector_ed25519: Annotated[str, AfterValidator(_valid_selector)] = "digestbot-ed"
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

    send_at: Annotated[str, AfterValidator(_valid_time)] = "07:00"
    timezone: Annotated[str, AfterValidator(_valid_zone)] = "UTC"
    days: Annotated[str, AfterValidator(_valid_days)] = "daily"
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
    categories: tuple[Annotated[str, AfterValidator(_arxiv_category)], ...] = ("cs.CL", "cs.CV", "cs.IR", "cs.LG")
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

    name: Annotated[str, AfterValidator(_feed_name)]
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
