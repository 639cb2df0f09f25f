"""How fast papers come in, beside the least that could be done with them; and how fast ``--help`` answers.

Each figure is the median of some processes, timed from their start to their end: ours and the other
one take turns, so that both meet the same machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from stage import DATA, AbsentError, data_files, digestbot, environment, say

# The rival reads the same lines and puts them into one table of the same library, and that is all.
RIVAL = """
import json, sys
from sqlite_utils import Database
with open(sys.argv[1], encoding="utf-8") as file:
    Database(sys.argv[2])["papers"].insert_all(map(json.loads, file), pk="id")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="loads, each into a new database")
    arguments = parser.parse_args()
    try:
        files = data_files(arguments.data, *(f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")))
    except AbsentError as error:
        say(f"skipped the loading: {error}")
    else:
        loading(files, arguments.runs)
    answering(10)
    return 0


def loading(files: list[Path], runs: int) -> None:
    """Time loading everything, loading it again, and the rival."""
    first, second, rival = [], [], []
    papers = 0
    for number in range(runs):
        with tempfile.TemporaryDirectory(prefix="digestbot-load-") as name:
            folder = Path(name)
            settings, whole = folder / "settings.toml", folder / "papers.jsonl"
            settings.touch()
            whole.write_bytes(b"".join(gzip.decompress(path.read_bytes()) for path in files))
            papers = whole.read_bytes().count(b"\n")
            first.append(load(settings, whole, new=papers))
            rival.append(seconds([sys.executable, "-c", RIVAL, str(whole), str(folder / "rival.sqlite")]))
            second.append(load(settings, whole, new=0))
        say(f"run {number + 1}: digestbot {first[-1]:.2f} s, again {second[-1]:.2f} s, rival {rival[-1]:.2f} s")
    one, other = median(first), median(rival)
    print(f"{papers:,} papers, median of {runs} runs, start of the program included")
    print(f"  digestbot load --file              {one:6.2f} s   {papers / one:8,.0f} papers a second")
    print(f"  the same file again, nothing new   {median(second):6.2f} s")
    print(f"  sqlite-utils insert_all, one table {other:6.2f} s   {papers / other:8,.0f} papers a second")
    print(f"  digestbot's time to insert_all's   {one / other:6.2f}")


def load(settings: Path, path: Path, *, new: int) -> float:
    """Load a file and return the seconds; it must bring so many new papers."""
    started = time.perf_counter()
    (loaded,) = json.loads(digestbot(settings, "load", "--file", path, "--json"))
    took = time.perf_counter() - started
    if loaded["new"] != new or loaded["skipped"]:
        raise SystemExit(f"expected {new} new papers, got {loaded['new']}; skipped: {loaded['skipped'][:3]}")
    return took


def answering(runs: int) -> None:
    """Time ``digestbot --help`` beside a Python that does nothing."""
    script = shutil.which("digestbot", path=str(Path(sys.executable).parent))
    command = [script] if script else [sys.executable, "-m", "digestbot"]
    ours, nothing = [], []
    for _ in range(runs):
        ours.append(seconds([*command, "--help"]))
        nothing.append(seconds([sys.executable, "-c", "pass"]))
    print(f"--help, median of {runs} runs")
    print(f"  digestbot --help                   {median(ours):6.3f} s")
    print(f"  python -c pass                     {median(nothing):6.3f} s")


def seconds(command: list[str]) -> float:
    """Run a command that must succeed and return the seconds it took."""
    started = time.perf_counter()
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
