"""``init`` and ``secret``: what an installation begins with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from digestbot.cli.installation import Installation, new_key
from digestbot.cli.program import Program
from digestbot.errors import SettingsError


@click.command()
@click.pass_obj
def init(program: Program) -> None:
    """Write settings.toml, the secret file and the database; never overwrite."""
    from digestbot.settings import packaged, read_settings

    path = program.settings_path or program.folder / "settings.toml"
    if _write_new(path, packaged("settings.toml").read_text(encoding="utf-8")):
        click.echo(f"wrote {path}: look through it, [mail] and [smtp] first")
    else:
        click.echo(f"kept {path}")
    program.start_logs()
    settings = read_settings(path, program.environ, folder=program.folder)
    installation = Installation(settings, program.environ)
    try:
        secret_file, database = settings.path("secret_file"), settings.path("database")
        _say(secret_file, "keep a copy of it", lambda: installation.secrets)
        _say(database, "everything is in it", lambda: installation.store)
    finally:
        installation.close()
    click.echo("next: digestbot subscriber add you@example.org --confirmed; digestbot load; digestbot run")


def _say(path: Path, what: str, make: Callable[[], object]) -> None:
    there = path.exists()
    make()
    click.echo(f"kept {path}" if there else f"wrote {path}: {what}")


def _write_new(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
    return True


@click.group()
def secret() -> None:
    """The keys that sign links."""


@secret.command()
@click.pass_obj
def rotate(program: Program) -> None:
    """Put a new key first; links signed with the older ones go on working."""
    from digestbot.settings import rotate_keys

    path = program.settings.path("secret_file")
    secrets = rotate_keys(path, program.environ, new_key)
    count = len(secrets.keys)
    click.echo(f"{path}: a new key signs now; {count} key{'' if count == 1 else 's'} in all, every one is accepted")
    click.echo("restart a running digestbot, so that it takes the new key")
