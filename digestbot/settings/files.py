"""Where our own files are, and how TOML is read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from digestbot.errors import SettingsError


def packaged(name: str) -> Path:
    """Return the path of ``templates`` or ``settings.toml``: in the package, else in the checkout.

    A wheel carries them inside the package; an editable install leaves them at the top level.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package, package.parent):
        if (folder / name).exists():
            return folder / name
    raise SettingsError(f"this installation lacks its '{name}'; install digestbot again")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return a TOML file as a table; ``what`` names it in errors."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no such {what} file") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error
