"""How fast a list of subscribers comes in, beside the least that could be done with it.

Each figure is the median of some processes, timed from their start to their end: ours and the other
one take turns, so that both meet the same machine. The times, days and interests are drawn from a fixed
seed, so that hardly two subscribers choose the same; the domains are 3,000.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from stage import digestbot, environment, say

# The rival reads the same rows and puts them into one table of the same library, and that is all.
RIVAL = """
import csv, sys
from sqlite_utils import Database
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    Database(sys.argv[2])["subscribers"].insert_all(csv.DictReader(file), pk="email")
"""
TARGET = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--subscribers", type=int, default=100_000, metavar="N")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="imports, each into a new database")
    arguments = parser.parse_args()
    active, again, pending, rival = [], [], [], []
    for number in range(arguments.runs):
        with tempfile.TemporaryDirectory(prefix="digestbot-import-") as name:
            folder = Path(name)
            some = written(folder / "active.csv", arguments.subscribers, "active")
            asked = written(folder / "pending.csv", arguments.subscribers, "pending")
            active.append(imported(settings(folder, "active"), some, added=arguments.subscribers))
            rival.append(seconds([sys.executable, "-c", RIVAL, str(some), str(folder / "rival.sqlite")]))
            again.append(imported(settings(folder, "active"), some, added=0))
            pending.append(imported(settings(folder, "pending"), asked, added=arguments.subscribers))
        say(
            f"run {number + 1}: active {active[-1]:.2f} s, again {again[-1]:.2f} s, pending {pending[-1]:.2f} s,"
            f" rival {rival[-1]:.2f} s"
        )
    other = median(rival)
    print(f"{arguments.subscribers:,} subscribers, median of {arguments.runs} runs, start of the program included")
    print("                                      seconds  to insert_all's")
    for what, found in (
        ("subscriber import, all active", active),
        ("the same again, nobody new", again),
        ("all pending, with a mail for each", pending),
        ("sqlite-utils insert_all, one table", rival),
    ):
        print(f"  {what:<34} {median(found):8.2f} {median(found) / other:8.2f}")
    slowest = max(median(active), median(pending)) * 100_000 / arguments.subscribers
    print(f"  of 100,000 the slower takes {slowest:.1f} s; the target is {TARGET:.0f}")
    return 0


def written(path: Path, subscribers: int, state: str) -> Path:
    """Write a subscribers file."""
    chance = random.Random(6)
    zones = ["Europe/Berlin", "UTC", "Asia/Tokyo", "America/New_York", "Australia/Sydney", ""]
    with path.open("w", encoding="utf-8") as file:
        file.write("email,timezone,send_at,days,papers,state,categories,follows\n")
        for number in range(subscribers):
            cells = (
                f"reader{number}@mail{chance.randrange(3000)}.example.org",
                chance.choice(zones),
                f"{chance.randrange(24):02}:{chance.choice(('00', '30'))}",
                chance.choice(("daily", "weekdays", "weekly", "")),
                str(chance.choice((5, 10, 20))),
                state,
                chance.choice(('"cs.IR, cs.CL"', "cs.RO", "")),
                chance.choice(("", "word:owl", "Ada Quill; word:sparse retrieval")),
            )
            file.write(",".join(cells) + "\n")
    return path


def settings(folder: Path, name: str) -> Path:
    """Return the settings file of an installation of its own."""
    path = folder / f"{name}.toml"
    path.write_text(f'database = "{name}.sqlite"\n', encoding="utf-8")
    return path


def imported(path: Path, file: Path, *, added: int) -> float:
    """Import a file and return the seconds; it must bring so many new subscribers."""
    started = time.perf_counter()
    said = json.loads(digestbot(path, "subscriber", "import", file, "--json"))
    took = time.perf_counter() - started
    if said["added"] != added or said["problems"]:
        raise SystemExit(f"expected {added} new subscribers, got {said['added']}; problems: {said['problems'][:3]}")
    return took


def seconds(command: list[str]) -> float:
    """Run a command that must succeed and return the seconds it took."""
    started = time.perf_counter()
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
