"""The command line: the only place that reads the clock, the environment and randomness.

Every command's module loads when it is called for, and heavy libraries inside it: ``--help`` stays quick.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from digestbot import __version__
from digestbot.cli.program import Program
from digestbot.errors import DigestbotError, SettingsError, UsageError

# Command name -> module and attribute, in the order of --help.
_COMMANDS = {
    "demo": "demo:demo",
    "init": "setup:init",
    "load": "load:load",
    "subscriber": "subscribers:subscriber",
    "rate": "ratings:rate",
    "preview": "digests:preview",
    "due": "digests:due",
    "send": "digests:send",
    "run": "service:run",
    "serve": "service:serve",
    "schedule": "service:schedule",
    "search": "searching:search",
    "similar": "searching:similar",
    "rank": "offline:rank",
    "evaluate": "judging:evaluate",
    "dkim": "dkim:dkim",
    "mail": "mail:mail",
    "outbox": "outbox:outbox",
    "suppression": "suppression:suppression",
    "bounce": "bounce:bounce",
    "sources": "watching:sources",
    "doctor": "watching:doctor",
    "secret": "setup:secret",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"digestbot.cli.{module}"), attribute)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--settings", type=click.Path(path_type=Path), help="The settings file; else ./settings.toml if there.")
@click.option("-v", "--verbose", is_flag=True, help="Log more than warnings to stderr.")
@click.version_option(__version__, prog_name="digestbot")
@click.pass_context
def group(ctx: click.Context, settings: Path | None, verbose: bool) -> None:
    """Mail every subscriber, each day, the few new papers most likely to matter to them, and say why."""
    ctx.obj = Program(settings_path=settings, environ=dict(os.environ), folder=Path.cwd(), verbose=verbose)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 could not, 2 wrong usage or settings."""
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:  # noqa: PLR0911 - one return for each way to end
    # Sums must not depend on how many cores a machine has, and processes that compute at once would only be in each
    # other's way. Read by numpy's libraries when they load.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character still gets the rest of the line.
            stream.reconfigure(errors="replace")
    if any(map(_is_broken, arguments)):
        return _fail("an argument is not text in this terminal's encoding; type it again", 2)
    try:
        result: Any = group.main(arguments, prog_name="digestbot", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "digestbot"
        return _fail(f"{error.format_message()} See '{where} --help'.", error.exit_code)
    except (SettingsError, UsageError) as error:
        return _fail(str(error), 2)
    except DigestbotError as error:
        return _fail(str(error), 1)
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped; what was under way is taken up by the next run", 1)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again while closing it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def _is_broken(argument: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in argument)


def _fail(problem: str, code: int) -> int:
    click.echo("digestbot: " + " ".join(problem.split()), err=True)
    return code
