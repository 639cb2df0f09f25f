"""A disk that is full in the middle of a load: a clear error, nothing lost, and the same load works later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.disks import Disk
from tests.factories import new_store
from tests.pipeline.program import command, done, run

ROOM = 1_500_000


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

    with disk.full(ROOM):
        failed = run(command(settings, "load", "--file", str(many)))
        assert failed.returncode == 1, failed.stderr
        assert failed.stdout == ""
        [line] = failed.stderr.splitlines()
        assert line.startswith(f"digestbot: {disk.folder / 'digestbot.sqlite'}: the disk is full or cannot be written")
        assert "make room and run it again" in line
        store = new_store(disk.folder / "digestbot.sqlite")
        assert store.papers.count() == 20
        assert set(store.papers.get(["x:0", "x:19", "x:20"])) == {"x:0", "x:19"}
        store.close()

    done(settings, "load", "--file", str(many), "--json")
    [loaded] = json.loads(capsys.readouterr().out)
    assert (loaded["received"], loaded["new"], loaded["error"]) == (3000, 2990, "")
    store = new_store(disk.folder / "digestbot.sqlite")
    assert store.papers.count() == 3010
    assert store.database.rows("pragma integrity_check")[0][0] == "ok"
    store.close()
