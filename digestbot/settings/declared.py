"""Every setting with its default and what it may be."""

from __future__ import annotations

from collections.abc import Callable
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digestbot.errors import UsageError
from digestbot.models import canonical_days, parse_time, zone

ENVIRONMENT_PREFIX = "DIGESTBOT_"
T = TypeVar("T")


def _valid_time(text: str) -> str:
    return _or_value_error(parse_time, text).strftime("%H:%M")


def _valid_zone(text: str) -> str:
    return str(_or_value_error(zone, text).key)


def _valid_days(text: str) -> str:
    return _or_value_error(canonical_days, text)


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
    if not text:
        return text
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (or http:// on one machine)")
    # It stands in headers of mails as it is.
    if not text.isascii() or any(character in text for character in ' <>"\\') or not urlsplit(text).hostname:
        raise ValueError("is not a web address; write it in ASCII (a name like exämple.org in its xn-- form)")
    return text.rstrip("/")


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("must be one line")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Url = Annotated[str, AfterValidator(_one_line), AfterValidator(_valid_base_url)]
Mailbox = Annotated[str, AfterValidator(_valid_mailbox)]


class Section(BaseModel):
    """A table of the settings file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(Section):
    """Where the pages are served, and under which address readers reach them."""

    base_url: Url = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)


class Smtp(Section):
    """The server that takes the mail; without a host, mails become files."""

    host: Line = ""
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    username: Line = ""
    connections: int = Field(default=10, ge=1, le=200)
    workers: Literal[1] = 1
    on_uncertain: Literal["resend", "hold"] = "resend"


class Mail(Section):
    """Who the mail is from."""

    sender: Mailbox = "digestbot <digestbot@localhost>"
    reply_to: Annotated[str, AfterValidator(_valid_mailbox_or_none)] = ""
    list_name: Line = "Daily paper digest"
    postal_address: Line = ""


class DigestSettings(Section):
    """What goes into a digest."""

    papers: int = Field(default=10, ge=1, le=50)
    window_days: int = Field(default=3, ge=1, le=14)
    min_score: float = 0.0


class Schedule(Section):
    """When digests are sent to those who chose nothing else, and how often sources are asked."""

    send_at: Annotated[str, AfterValidator(_valid_time)] = "07:00"
    timezone: Annotated[str, AfterValidator(_valid_zone)] = "UTC"
    days: Annotated[str, AfterValidator(_valid_days)] = "daily"
    load_every_minutes: int = Field(default=60, ge=1, le=1440)


class Ranking(Section):
    """How profiles are trained."""

    corpus_papers: int = Field(default=20_000, ge=100, le=500_000)
    dimensions: int = Field(default=200, ge=2, le=1000)


class Arxiv(Section):
    """arXiv's announcement feed."""

    enabled: bool = True
    categories: tuple[Line, ...] = ("cs.CL", "cs.CV", "cs.IR", "cs.LG")
    feed_url: Url = "https://rss.arxiv.org/atom"


class Sources(Section):
    """Where papers come from."""

    arxiv: Arxiv = Arxiv()


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
    digest: DigestSettings = DigestSettings()
    schedule: Schedule = Schedule()
    ranking: Ranking = Ranking()
    sources: Sources = Sources()

    _root: Path = PrivateAttr(default=Path())

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
