"""The settings, declared and validated, and the secret file.

Nothing is read on import, and the environment is handed in. No secret is ever part of ``Settings``.
"""

from __future__ import annotations

import difflib
import json
import os
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from email.headerregistry import Address
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from digestbot.errors import SettingsError, UsageError
from digestbot.models import canonical_days, parse_time, zone

ENVIRONMENT_PREFIX = "DIGESTBOT_"
T = TypeVar("T")
# Where people put secrets into the settings, and what each is called in the secret file.
_SECRETS_IN_SETTINGS = {
    "keys": "keys",
    "smtp_password": "smtp_password",
    "smtp.password": "smtp_password",
    "smtp.smtp_password": "smtp_password",
}


def packaged(name: str) -> Path:
    """Return the path of ``templates`` or ``settings.toml``: in the package, else in the checkout.

    A wheel carries them inside the package; an editable install leaves them at the top level.
    """
    package = Path(__file__).resolve().parent
    for folder in (package, package.parent):
        if (folder / name).exists():
            return folder / name
    raise SettingsError(f"this installation lacks its '{name}'; install digestbot again")


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


class _Environment(EnvSettingsSource):
    """The environment as pydantic-settings reads it, from a mapping that is handed in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._given = {key.lower(): value for key, value in environ.items()}
        super().__init__(Settings, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read a list or a table, which stand as JSON in the environment."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            names = [name.upper() for name, text in self._given.items() if text == value and name.endswith(field_name)]
            raise SettingsError(
                f'environment, {" or ".join(sorted(names))}: is not JSON; write a list as ["a", "b"]'
            ) from error


def read_settings(path: Path | None, environ: Mapping[str, str], *, folder: Path) -> Settings:
    """Return the settings of a file (``None``: the defaults), overlaid by the environment.

    Relative paths are relative to the file, without one to ``folder``. Raises ``SettingsError``
    that names every key that is unknown or wrong.
    """
    _refuse_near_misses(environ)
    given = _read_toml(path, "settings") if path else {}
    for name in _secrets_in(given):
        raise SettingsError(
            f"{path}: {name}: secrets do not belong here; put it into the secret file or the environment "
            f"({ENVIRONMENT_PREFIX}{_SECRETS_IN_SETTINGS[name].upper()})"
        )
    where = str(path) if path else "settings"
    try:
        settings = Settings(**_overlaid(given, _Environment(environ)()))
    except ValidationError as error:
        problems: dict[str, list[str]] = {}
        for details in error.errors():
            variable = _variable(details["loc"], environ)
            problems.setdefault(f"environment, {variable}" if variable else where, []).append(_problem(dict(details)))
        raise SettingsError("; ".join(f"{place}: {'; '.join(own)}" for place, own in problems.items())) from error
    return settings.rooted(path.resolve().parent if path else folder)


def _refuse_near_misses(environ: Mapping[str, str]) -> None:
    """Refuse a variable that means one of our keys and misses it.

    Others that begin with our name are let be: Kubernetes sets DIGESTBOT_SERVICE_HOST for a service of ours.
    """
    known = [*Settings.model_fields, *Secrets.model_fields]
    for variable in sorted(environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if not variable.startswith(ENVIRONMENT_PREFIX) or name in known:
            continue
        section, nested, key = name.partition("__")
        if nested and section in known:
            continue
        flat_section, _, flat_key = name.partition("_")
        if nested:
            near = difflib.get_close_matches(section, known, n=1, cutoff=0.0)[0]
            meant = f"{near}__{key}"
        elif flat_key in _keys_at([flat_section]):
            meant = f"{flat_section}__{flat_key}"
        else:
            meant = next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), "")
        if meant:
            raise SettingsError(
                f"environment, {variable}: there is no such setting; did you mean {ENVIRONMENT_PREFIX}{meant.upper()}?"
            )


def _read_toml(path: Path, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no such {what} file") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error


def _secrets_in(given: Mapping[str, Any]) -> list[str]:
    smtp = given.get("smtp")
    below = {f"smtp.{name}" for name in smtp} if isinstance(smtp, dict) else set()
    return [name for name in _SECRETS_IN_SETTINGS if name in below or name in given]


def _variable(location: Sequence[int | str], environ: Mapping[str, str]) -> str | None:
    """Return the environment variable that a setting comes from, ``None`` for one of the file."""
    given = {name.upper() for name in environ}
    for end in range(len(location), 0, -1):
        name = ENVIRONMENT_PREFIX + "__".join(str(part) for part in location[:end]).upper()
        if name in given:
            return name
    return None


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _overlaid(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _problem(details: dict[str, Any]) -> str:
    location = [str(part) for part in details["loc"]]
    name = ".".join(location)
    if details["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _keys_at(location[:-1]), n=1)
        hint = f"; did you mean {'.'.join([*location[:-1], near[0]])}?" if near else ""
        return f"{name}: there is no such setting{hint}"
    message = str(details["msg"]).removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]} (got {details['input']!r})"


def _keys_at(location: list[str]) -> list[str]:
    model: Any = Settings
    for part in location:
        field = model.model_fields.get(part)
        if field is None or not hasattr(field.annotation, "model_fields"):
            return []
        model = field.annotation
    return list(model.model_fields)


class Secrets(BaseModel):
    """What must not be known to others. Its text and repr show nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[str, ...] = Field(default=(), repr=False)
    smtp_password: str = Field(default="", repr=False)

    def __str__(self) -> str:
        return "Secrets()"


def read_secrets(path: Path, environ: Mapping[str, str], new_key: Callable[[], str]) -> Secrets:
    """Return the secrets of the environment and the file; make the file, mode 0600, when it is absent.

    ``keys`` stand newest first: the first signs links, all verify.
    """
    given: dict[str, Any] = {}
    if "DIGESTBOT_KEYS" in environ:
        given["keys"] = [key for key in environ["DIGESTBOT_KEYS"].replace(",", " ").split() if key]
    if "DIGESTBOT_SMTP_PASSWORD" in environ:
        given["smtp_password"] = environ["DIGESTBOT_SMTP_PASSWORD"]
    if "keys" not in given and not path.exists():
        _create(path, Secrets(keys=(new_key(),)))
    stored = _stored_secrets(path) if path.exists() else Secrets()
    if "keys" not in given and not stored.keys:
        # A file with a password alone, written by hand.
        stored = _with_new_key(path, stored, new_key)
    secrets = stored.model_copy(update={name: _tuple(value) for name, value in given.items()})
    if not secrets.keys or any(len(key) < 16 for key in secrets.keys):
        raise SettingsError(f"{path}: keys: needs at least one key of 16 characters or more")
    return secrets


def rotate_keys(path: Path, environ: Mapping[str, str], new_key: Callable[[], str]) -> Secrets:
    """Put a new key first. Links signed with the older ones go on working."""
    if "DIGESTBOT_KEYS" in environ:
        raise SettingsError("the keys come from DIGESTBOT_KEYS; put a new one first in there")
    if not path.exists():
        return read_secrets(path, environ, new_key)
    return _with_new_key(path, _stored_secrets(path), new_key)


def _with_new_key(path: Path, stored: Secrets, new_key: Callable[[], str]) -> Secrets:
    rotated = stored.model_copy(update={"keys": (new_key(), *stored.keys)})
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    _create(temporary, rotated)
    temporary.replace(path)
    return rotated


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _stored_secrets(path: Path) -> Secrets:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{path}: others can read it; run: chmod 600 {path}")
    try:
        return Secrets(**_read_toml(path, "secret"))
    except ValidationError as error:
        # The values stay out of the message.
        names = ", ".join(".".join(str(part) for part in details["loc"]) for details in error.errors())
        raise SettingsError(f"{path}: wrong or unknown: {names}; it may hold keys and smtp_password") from None


def _toml(text: str) -> str:
    # A JSON string is a TOML one, save that TOML knows no surrogate pairs and wants DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _create(path: Path, secrets: Secrets) -> None:
    lines = [
        "# Secrets of this digestbot. Keep it to yourself (mode 0600) and in your backup: links in mails that",
        "# were sent stop working without the keys. Newest key first; the first signs, all are accepted.",
        f"keys = [{', '.join(_toml(key) for key in secrets.keys)}]",
        f"smtp_password = {_toml(secrets.smtp_password)}",
    ]
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link, unlike a rename, never replaces a file that another process made meanwhile.
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
