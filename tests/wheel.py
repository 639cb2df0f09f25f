"""Build the wheel, install it alone into an empty folder, and run there what depends on packaging.

The wheel's environment sees the libraries of the one that runs this script, but not its editable digestbot:
a path file inside a folder that is itself on the path by a path file is not read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# What stands on packaged files, and the command line on the way to a mail; the rest is the same code either way.
TESTS = [
    "tests/test_packaging.py",
    "tests/test_demo.py::test_a_like_changes_the_second_digest_and_the_demo_says_why",
    "tests/test_settings.py",
    "tests/cli/test_setup.py",
    "tests/cli/test_load.py",
    "tests/cli/test_subscribers.py",
    "tests/cli/test_follows.py",
    "tests/cli/test_categories.py",
    "tests/cli/test_seed_papers.py",
    "tests/cli/test_digests.py",
    "tests/digest/test_render.py",
    "tests/web/test_feedback.py",
    "tests/web/test_subscription.py",
]


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="digestbot-wheel-") as name:
        folder = Path(name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder / "dist", CHECKOUT, cwd=folder)
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        python = folder / "venv" / "bin" / "python"
        site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
        (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        (wheel,) = (folder / "dist").glob("digestbot-*.whl")
        run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
        empty = folder / "empty"
        shutil.copytree(CHECKOUT / "tests", empty / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        print(f"tests against {wheel.name} in an empty folder:", flush=True)
        run(
            python,
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            "--dist",
            "loadgroup",
            "-p",
            "no:cacheprovider",
            "-W",
            "error",
            *TESTS,
            cwd=empty,
        )


if __name__ == "__main__":
    main()
