"""What an installation carries, from a checkout and from a wheel alike."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import digestbot
from digestbot.demo.sample import MORNINGS, READERS, papers
from digestbot.settings import packaged

PACKAGE = Path(digestbot.__file__).parent
CHECKOUT = PACKAGE.parent


def test_templates_and_sample_settings_are_found() -> None:
    assert (packaged("templates") / "email" / "digest.html.j2").is_file()
    assert (packaged("templates") / "web" / "feedback.html.j2").is_file()
    assert tomllib.loads(packaged("settings.toml").read_text(encoding="utf-8"))


def test_a_wheel_carries_what_a_checkout_has_beside_the_package() -> None:
    if (CHECKOUT / "pyproject.toml").exists():
        assert packaged("templates") == CHECKOUT / "templates"
    else:
        assert packaged("templates") == PACKAGE / "templates"
        assert packaged("settings.toml") == PACKAGE / "settings.toml"


def test_the_sample_has_150_papers_of_five_consecutive_days_and_three_readers() -> None:
    found = papers()
    days = sorted({paper.announced for paper in found})
    assert len(found) >= 150
    assert [day.toordinal() - days[0].toordinal() for day in days] == [0, 1, 2, 3, 4]
    assert all(paper.abstract and paper.authors and paper.categories for paper in found)
    assert len(READERS) == 3
    known = {paper.id for paper in found if paper.announced < MORNINGS[0].date()}
    assert all(set(reader.likes) <= known for reader in READERS)


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "digestbot", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert digestbot.__version__ in done.stdout


def test_the_lock_names_every_dependency_with_hashes_and_no_address() -> None:
    lock = CHECKOUT / "requirements.lock"
    if not lock.exists():
        pytest.skip("an installed wheel has no lock file")
    text = lock.read_text(encoding="utf-8")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    locked = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    # PEP 503: flufl.bounce is flufl-bounce.
    assert {re.sub(r"[-_.]+", "-", re.split(r"[<>=\[]", one)[0]).lower() for one in wanted} <= locked
    assert "://" not in text
    assert "--hash=sha256:" in text
