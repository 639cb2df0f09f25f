"""What delivering costs: a whole ``digestbot send`` into Postfix's smtp-sink, beside smtp-source sending as many bytes.

Every reader gets a mail of ten papers, chosen by 30 ratings of their own, signed by RSA and Ed25519. The fit is made
and saved before the clock starts; the clock covers the start of the program, composing and delivering. Then the same
for memory, with what was composed before, and for a server that takes a second for its reply.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from readers import NOW, Peak, compose, fill, likes_of, write_papers
from stage import DATA, AbsentError, data_files, digestbot, environment, say

CANDIDATES = 500
LATENCY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What one ``send`` came to; ``processor`` are the seconds of all its processes together."""

    mails: int
    seconds: float
    processor: float
    peak: int

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--readers", type=int, default=40_000)
    parser.add_argument("--memory", type=int, default=100_000, metavar="READERS", help="0: not measured")
    parser.add_argument("--patient", type=int, default=1_200, metavar="READERS", help="0: not measured")
    parser.add_argument("--connections", type=int, default=10)
    arguments = parser.parse_args()
    try:
        months = [f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")]
        files = data_files(arguments.data, *months, "reading_lists/ratings.csv")
        find_programs()
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    with tempfile.TemporaryDirectory(prefix="digestbot-delivery-") as name:
        whole(Path(name), files, arguments.readers, arguments.connections)
    if arguments.memory:
        with tempfile.TemporaryDirectory(prefix="digestbot-delivery-") as name:
            memory(Path(name), files, arguments.memory, arguments.connections)
    if arguments.patient:
        with tempfile.TemporaryDirectory(prefix="digestbot-delivery-") as name:
            patient(Path(name), files, arguments.patient)
    return 0


def find_programs() -> None:
    for program in ("smtp-sink", "smtp-source"):
        if not shutil.which(program):
            raise AbsentError(f"there is no {program}; it is in Debian's package postfix")


def whole(folder: Path, files: list[Path], readers: int, connections: int) -> None:
    with sink() as port:
        settings = installed(folder, files, readers, port, connections)
        found = send(settings)
        size = len(subprocess.run(eml(settings), stdout=subprocess.PIPE, env=environment(), check=True).stdout)
        print(
            f"send to {found.mails:,} readers: {found.seconds:.1f} s, {found.rate:,.0f} mails a second,"
            f" {1e3 * found.processor / found.mails:.2f} ms of one core each, {size / 1000:.0f} kB,"
            f" at most {found.peak / 1e6:.0f} MB",
            flush=True,
        )
        for label, options in (("-s 10", ()), ("-s 10 -d", ("-d",))):
            seconds = source(port, found.mails, size, options)
            rate = found.mails / seconds
            share = found.rate / rate
            print(f"smtp-source {label}: {seconds:.1f} s, {rate:,.0f} a second; digestbot has {share:.3f} of it")


def memory(folder: Path, files: list[Path], readers: int, connections: int) -> None:
    with sink() as port:
        settings = installed(folder, files, readers, port, connections)
        compose(settings)
        found = send(settings)
        print(
            f"delivering what was composed, to {found.mails:,} readers: at most {found.peak / 1e6:.0f} MB,"
            f" {found.seconds:.1f} s, {found.rate:,.0f} mails a second",
            flush=True,
        )


def patient(folder: Path, files: list[Path], readers: int) -> None:
    with sink("-w", str(int(LATENCY_SECONDS))) as port:
        settings = installed(folder, files, readers, port, connections=20)
        compose(settings)
        found = send(settings)
        # As many processes as there are cores, each with its own connections.
        connections = 20 * (os.cpu_count() or 1)
        most = connections / LATENCY_SECONDS
        print(
            f"a server that replies after {LATENCY_SECONDS:.0f} s, {connections} connections: {found.rate:.1f} mails a"
            f" second, {found.rate / most:.2f} of {most:.0f}"
        )


def installed(folder: Path, files: list[Path], readers: int, port: int, connections: int) -> Path:
    """Return the settings of an installation with papers, readers, their ratings, keys and a fit."""
    settings = folder / "settings.toml"
    settings.write_text(
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nconnections = {connections}\n[digest]\nwindow_days = 1\n'
        '[web]\nbase_url = "https://papers.example.org"\n'
        '[mail]\nsender = "Paper Digest <digest@example.org>"\nbounce_domain = "bounce.example.org"\n'
        'postal_address = "Lindenstrasse 1, 10969 Berlin"\n'
    )
    papers = folder / "papers.jsonl"
    corpus = write_papers(files[:-1], papers, CANDIDATES)
    digestbot(settings, "dkim", "generate")
    digestbot(settings, "load", "--file", papers)
    fill(folder / "digestbot.sqlite", readers, corpus, likes_of(files[-1], set(corpus)))
    digestbot(settings, "preview", "1@readers.example", "--at", NOW.isoformat())
    return settings


def send(settings: Path) -> Sent:
    """Run ``digestbot send``, look at its memory meanwhile, and return what it came to."""
    before, peak = resource.getrusage(resource.RUSAGE_CHILDREN), Peak()
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "digestbot", "--settings", str(settings), "send", "--at", NOW.isoformat(), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with peak.of(child.pid):
        said = child.communicate()[0]
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise SystemExit(f"send ended with {child.returncode}: {said}")
    counts = json.loads(said)
    if counts["deferred"] or counts["failed"] or counts["held"]:
        raise SystemExit(f"not every mail went out: {counts}")
    return Sent(
        mails=counts["sent"],
        seconds=seconds,
        processor=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak=peak.bytes,
    )


def eml(settings: Path) -> list[str]:
    arguments = ["preview", "1@readers.example", "--at", NOW.isoformat(), "--format", "eml"]
    return [sys.executable, "-m", "digestbot", "--settings", str(settings), *arguments]


def source(port: int, mails: int, size: int, options: tuple[str, ...]) -> float:
    """Return how long Postfix's own sender takes for as many mails of this size."""
    command = ["smtp-source", "-s", "10", *options, "-l", str(size), "-m", str(mails)]
    began = time.perf_counter()
    subprocess.run([*command, "-f", "a@example.org", "-t", "b@example.net", f"127.0.0.1:{port}"], check=True)
    return time.perf_counter() - began


@contextmanager
def sink(*options: str) -> Iterator[int]:
    """Yield the port of an smtp-sink that takes everything."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # It does not run as root.
    server = subprocess.Popen(["smtp-sink", "-u", "nobody", *options, f"127.0.0.1:{port}", "200"])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
