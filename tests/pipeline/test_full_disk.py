"""A disk that is full in the middle of a load: a clear error, nothing lost, and the same load works later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.factories import new_store
from tests.pipeline.program import command, done, run

LIMIT = 1_500_000
# A load under a limit on the size of every file it writes, which is what a user without root can do.
_LIMITED = (
    "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}));"
    "sys.argv[0] = 'digestbot'; runpy.run_module('digestbot', run_name='__main__')"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tmpfs and RLIMIT_FSIZE as Linux has them")


@dataclass
class Disk:
    """A folder with little room: how to run a command there, and how to make room."""

    folder: Path
    limited: Callable[[list[str]], list[str]]
    make_room: Callable[[], None]


@pytest.fixture(params=["tmpfs", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "small"
    folder.mkdir()
    if request.param == "limit":
        # The limit is the process's own; there is room for the next one.
        yield Disk(folder, lambda given: [given[0], "-c", _LIMITED.format(LIMIT), *given[3:]], lambda: None)
        return
    mounted = os.getuid() == 0 and mount("-t", "tmpfs", "-o", f"size={LIMIT}", "digestbot-tests", str(folder))
    if not mounted:
        pytest.skip("mounting a small tmpfs needs root; the file size limit is tested instead")
    try:
        yield Disk(folder, lambda given: given, lambda: grow(folder))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def grow(folder: Path) -> None:
    assert mount("-o", "remount,size=50m", str(folder))


def papers(path: Path, first: int, many: int) -> Path:
    lines = [
        json.dumps({"id": f"x:{number}", "title": f"Paper {number}", "abstract": f"Words of {number}. " * 60})
        for number in range(first, first + many)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_full_disk_in_mid_load_loses_nothing_and_the_load_works_when_there_is_room(
    disk: Disk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = disk.folder / "settings.toml"
    settings.write_text("", encoding="utf-8")
    few, many = papers(tmp_path / "few.jsonl", 0, 20), papers(tmp_path / "many.jsonl", 10, 3000)
    done(settings, "load", "--file", str(few))
    capsys.readouterr()

    failed = run(disk.limited(command(settings, "load", "--file", str(many))))
    assert failed.returncode == 1, failed.stderr
    assert failed.stdout == ""
    [line] = failed.stderr.splitlines()
    assert line.startswith(f"digestbot: {disk.folder / 'digestbot.sqlite'}: the disk is full or cannot be written")
    assert "make room and run it again" in line
    store = new_store(disk.folder / "digestbot.sqlite")
    assert store.papers.count() == 20
    assert set(store.papers.get(["x:0", "x:19", "x:20"])) == {"x:0", "x:19"}
    store.close()

    disk.make_room()
    done(settings, "load", "--file", str(many), "--json")
    [loaded] = json.loads(capsys.readouterr().out)
    assert (loaded["received"], loaded["new"], loaded["error"]) == (3000, 2990, "")
    store = new_store(disk.folder / "digestbot.sqlite")
    assert store.papers.count() == 3010
    assert store.database.rows("pragma integrity_check")[0][0] == "ok"
    store.close()
