"""The secret file: made on first use, for its owner alone; keys can be rotated."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digestbot.errors import SettingsError
from digestbot.settings.files import create_private, read_toml, refuse_open_to_others


class Secrets(BaseModel):
    """What must not be known to others. Its text and repr show nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[str, ...] = Field(default=(), repr=False)
    smtp_password: str = Field(default="", repr=False)
    bounces_password: str = Field(default="", repr=False)
    mailgun_signing_key: str = Field(default="", repr=False)
    postmark_password: str = Field(default="", repr=False)

    def __str__(self) -> str:
        return "Secrets()"


# All but the keys: one text each.
_PASSWORDS = tuple(name for name in Secrets.model_fields if name != "keys")


def read_secrets(path: Path, environ: Mapping[str, str], new_key: Callable[[], str]) -> Secrets:
    """Return the secrets of the environment and the file; make the file, mode 0600, when it is absent.

    ``keys`` stand newest first: the first signs links, all verify.
    """
    given = _given(environ)
    if "keys" not in given and not path.exists():
        _create(path, Secrets(keys=(new_key(),)))
    stored = _stored_secrets(path) if path.exists() else Secrets()
    if "keys" not in given and not stored.keys:
        # A file with a password alone, written by hand.
        stored = _with_new_key(path, stored, new_key)
    secrets = stored.model_copy(update=given)
    if not secrets.keys or any(len(key) < 16 for key in secrets.keys):
        raise SettingsError(f"{path}: keys: needs at least one key of 16 characters or more")
    return secrets


def find_secrets(path: Path, environ: Mapping[str, str]) -> Secrets:
    """Return the secrets that there are, maybe without keys; make nothing."""
    stored = _stored_secrets(path) if path.exists() else Secrets()
    return stored.model_copy(update=_given(environ))


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


def _given(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the secrets of the environment."""
    given: dict[str, Any] = {}
    if "DIGESTBOT_KEYS" in environ:
        given["keys"] = tuple(environ["DIGESTBOT_KEYS"].replace(",", " ").split())
    for name in _PASSWORDS:
        if (variable := f"DIGESTBOT_{name.upper()}") in environ:
            given[name] = environ[variable]
    return given


def _stored_secrets(path: Path) -> Secrets:
    refuse_open_to_others(path)
    try:
        return Secrets(**read_toml(path, "secret"))
    except ValidationError as error:
        # The values stay out of the message.
        names = ", ".join(".".join(str(part) for part in details["loc"]) for details in error.errors())
        raise SettingsError(f"{path}: wrong or unknown: {names}; it may hold keys, {', '.join(_PASSWORDS)}") from None


def _toml(text: str) -> str:
    # A JSON string is a TOML one, save that TOML knows no surrogate pairs and wants DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _create(path: Path, secrets: Secrets) -> None:
    lines = [
        "# Secrets of this digestbot. Keep it to yourself (mode 0600) and in your backup: links in mails that",
        "# were sent stop working without the keys. Newest key first; the first signs, all are accepted.",
        f"keys = [{', '.join(_toml(key) for key in secrets.keys)}]",
        *(f"{name} = {_toml(getattr(secrets, name))}" for name in _PASSWORDS),
    ]
    create_private(path, "\n".join(lines) + "\n")
