"""Settings from a file and the environment, with errors that name every key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from digestbot.errors import SettingsError
from digestbot.settings.declared import ENVIRONMENT_PREFIX, Settings
from digestbot.settings.files import read_toml
from digestbot.settings.secret_file import Secrets

# Where people put secrets into the settings, and what each is called in the secret file.
_SECRETS_IN_SETTINGS = {
    "keys": "keys",
    "smtp_password": "smtp_password",
    "smtp.password": "smtp_password",
    "smtp.smtp_password": "smtp_password",
    "bounces_password": "bounces_password",
    "bounces.password": "bounces_password",
    "bounces.bounces_password": "bounces_password",
    "mailgun_signing_key": "mailgun_signing_key",
    "bounces.mailgun_signing_key": "mailgun_signing_key",
    "bounces.mailgun.signing_key": "mailgun_signing_key",
    "bounces.mailgun.mailgun_signing_key": "mailgun_signing_key",
    "postmark_password": "postmark_password",
    "bounces.postmark_password": "postmark_password",
    "bounces.postmark.password": "postmark_password",
    "bounces.postmark.postmark_password": "postmark_password",
}

# How lists are written of which nobody would guess it.
_LISTS = {"feeds": "write each feed as a table, [[sources.feeds]], with name and url"}


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
    given = read_toml(path, "settings") if path else {}
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
            unknown = details["type"] == "extra_forbidden"
            variable = _variable(details["loc"], environ) or (unknown and _variable_below(details["loc"], environ))
            problems.setdefault(f"environment, {variable}" if variable else where, []).append(_problem(dict(details)))
        raise SettingsError("; ".join(f"{place}: {'; '.join(own)}" for place, own in problems.items())) from error
    return settings.rooted(path.resolve().parent if path else folder)


def _refuse_near_misses(environ: Mapping[str, str]) -> None:
    """Refuse a variable that means one of our keys and misses it.

    Others that begin with our name are let be: Kubernetes sets DIGESTBOT_SERVICE_HOST for a service of
    ours, and DIGESTBOT_WEB_PORT=tcp://... for one called digestbot-web.
    """
    known = {*_variables(Settings), *Secrets.model_fields}
    for variable in sorted(environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if not variable.startswith(ENVIRONMENT_PREFIX) or environ[variable].startswith(("tcp://", "udp://")):
            continue
        if name in Secrets.model_fields and variable == variable.upper():
            continue
        section, nested, _ = name.partition("__")
        if name in Settings.model_fields or (nested and _keys_at([section])):
            # Keys inside a section are looked at with the rest of the settings.
            continue
        same = [one for one in sorted(known) if one.replace("__", "_") == name.replace("__", "_")]
        near = same or difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0 if nested else 0.8)
        if near:
            raise SettingsError(
                f"environment, {variable}: there is no such setting; "
                f"did you mean {ENVIRONMENT_PREFIX}{near[0].upper()}?"
            )


def _variables(model: Any) -> list[str]:
    """Return how each key is called in the environment, without our prefix and in lower case."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inside = field.annotation if hasattr(field.annotation, "model_fields") else None
        found += [f"{name}__{one}" for one in _variables(inside)] if inside else [name]
    return found


def _secrets_in(given: Mapping[str, Any]) -> list[str]:
    names = set(_names(given))
    return [name for name in _SECRETS_IN_SETTINGS if name in names]


def _names(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield every key, those inside of tables with the names of these before them."""
    for name, value in given.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{below}" for below in _names(value))


def _variable(location: Sequence[int | str], environ: Mapping[str, str]) -> str | None:
    """Return the environment variable that a setting comes from, ``None`` for one of the file."""
    given = {name.upper() for name in environ}
    for end in range(len(location), 0, -1):
        name = ENVIRONMENT_PREFIX + "__".join(str(part) for part in location[:end]).upper()
        if name in given:
            return name
    return None


def _variable_below(location: Sequence[int | str], environ: Mapping[str, str]) -> str | None:
    """Return a variable that names something inside of a table, ``None`` when none does."""
    table = ENVIRONMENT_PREFIX + "".join(f"{part}__" for part in location).upper()
    return min((name for name in (one.upper() for one in environ) if name.startswith(table)), default=None)


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
    given = "" if _may_be_secret(location[-1], details["input"]) else f" (got {details['input']!r})"
    if details["type"] == "tuple_type":
        message = _LISTS.get(location[-1], 'write a list such as ["cs.LG"]')
    else:
        message = str(details["msg"]).removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}{given}"


def _may_be_secret(key: str, value: object) -> bool:
    """Return whether somebody may have put a secret here by mistake: into a table, or into an address."""
    in_address = key.endswith("url") and isinstance(value, str) and re.search(r"[@?#]", value) is not None
    return in_address or isinstance(value, dict | list | tuple)


def _keys_at(location: list[str]) -> list[str]:
    model: Any = Settings
    for part in location:
        field = model.model_fields.get(part)
        if field is None or not hasattr(field.annotation, "model_fields"):
            return []
        model = field.annotation
    return list(model.model_fields)
