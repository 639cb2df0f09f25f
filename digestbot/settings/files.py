"""Where our own files are, how TOML is read, and how files that hold secrets are made and guarded."""

from __future__ import annotations

import os
import stat
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


def refuse_open_to_others(path: Path) -> None:
    """Raise when others may use a file that holds a secret; where there are no such modes, never."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{path}: others can read it; run: chmod 600 {path}")


def create_private(path: Path, text: str) -> bool:
    """Write a file for its owner alone, whole or not at all; return false when there is one already."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A link, unlike a rename, never replaces a file that another process made meanwhile.
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
    return True
