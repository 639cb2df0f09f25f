"""The command line in this process, in a folder of its own, and a real SMTP server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from digestbot.cli import _run
from tests.peers import moved_pages

ADA = "ada@example.org"


@dataclass(frozen=True)
class Result:
    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()


@dataclass(frozen=True)
class Cli:
    """Runs commands with the settings file of one folder."""

    folder: Path
    capture: pytest.CaptureFixture[bytes]

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        found = self.bare("--settings", str(self.folder / "settings.toml"), *arguments)
        assert found.code == code, found
        if code:
            assert found.err.splitlines()[-1].startswith("digestbot: "), "the last line says what is wrong"
        assert "Traceback" not in found.err
        return found

    def bare(self, *arguments: str) -> Result:
        """Run without naming a settings file."""
        self.capture.readouterr()
        code = _run(list(arguments))
        out, err = self.capture.readouterr()
        return Result(code, out, err.decode())

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run with --json: all of stdout must be one JSON value."""
        return json.loads(self(*arguments, "--json", code=code).raw)

    def configure(self, text: str) -> None:
        (self.folder / "settings.toml").write_text(text, encoding="utf-8")

    def load(self, *papers: dict[str, Any]) -> Any:
        path = self.folder / "papers.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in papers), encoding="utf-8")
        return self.json("load", "--file", str(path))

    def mails(self) -> list[Path]:
        return sorted((self.folder / "mailbox").glob("*"))


@pytest.fixture
def cli(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    made = Cli(tmp_path, capsysbinary)
    made.configure("")
    return made


@pytest.fixture
def stocked(cli: Cli) -> Cli:
    """An installation with papers of two days and one active subscriber, Ada."""
    cli.load(*(entry(number) for number in range(1, 9)))
    cli("subscriber", "add", ADA, "--confirmed", "--papers", "3")
    return cli


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """Return a line of a paper file; odd numbers are of Monday 26 May 2025, even ones of the day after."""
    return {
        "id": f"arxiv:2505.{number:05d}",
        "title": f"Robots that grasp, part {number}",
        "abstract": f"Gripper {number} learns contact forces.",
        "categories": ["cs.RO"],
        "announced": "2025-05-26" if number % 2 else "2025-05-27",
        "upvotes": 100 - number,
    } | changes


@dataclass
class Catcher:
    """An SMTP server's handler that keeps what it is given."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 taken"


@pytest.fixture
def moved_source() -> Iterator[str]:
    with moved_pages() as url:
        yield url


@pytest.fixture
def smtp_server() -> Iterator[Callable[[int], Catcher]]:
    """Start SMTP servers on given ports of 127.0.0.1."""
    running: list[Controller] = []

    def start(port: int) -> Catcher:
        catcher = Catcher()
        controller = Controller(catcher, hostname="127.0.0.1", port=port)
        controller.start()
        running.append(controller)
        return catcher

    yield start
    for controller in running:
        controller.stop()
