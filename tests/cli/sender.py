"""A program that delivers what waits in processes that share it, however little that is, and says how it went."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from digestbot import observe
from digestbot.cli.delivering import Delivering, deliver, ended_by_signals
from digestbot.cli.installation import Installation
from digestbot.cli.times import Standing, parse_at
from digestbot.settings import read_settings


def main(folder: Path, at: str) -> None:
    observe.configure(sys.stderr)
    environ = dict(os.environ)
    installation = Installation(read_settings(folder / "settings.toml", environ, folder=folder), environ)
    how = Delivering(clock=Standing(parse_at(at)))
    try:
        with ended_by_signals() as ending:
            outcome = deliver(installation, replace(how, ending=ending), many=1)
    finally:
        installation.close()
    counts = {str(state): many for state, many in outcome.counts.items()}
    print(json.dumps({**counts, "stopped": outcome.stopped, "refused": outcome.refused}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
