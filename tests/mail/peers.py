"""Verifiers of signatures by other hands; what they look up in the DNS is handed to them, and they ask no network."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]

from tests.required import missing, node_packages

_MAILAUTH = """
const { authenticate } = require('mailauth');
const { mail, texts, ...envelope } = JSON.parse(require('fs').readFileSync(0, 'utf-8'));
const resolver = async (name, type) => {
  if (type === 'TXT' && texts[name]) return [[texts[name]]];
  throw Object.assign(new Error('nothing there'), { code: 'ENOTFOUND' });
};
authenticate(mail, { ...envelope, mta: 'mx.example.net', disableBimi: true, resolver })
  .then(({ dkim, spf, dmarc }) => console.log(JSON.stringify({ dkim, spf, dmarc })));
"""


def dkimpy_says(mail: bytes, texts: Mapping[str, str]) -> list[bool]:
    """Return whether each signature of a mail holds, from the top; ``texts`` are the TXT records by name."""

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        found = texts.get(name.decode().rstrip("."))
        return found.encode() if found else None

    signatures = len(re.findall(rb"^DKIM-Signature:", mail, re.MULTILINE))
    return [_holds(mail, place, look_up) for place in range(signatures)]


def _holds(mail: bytes, place: int, look_up: Any) -> bool:
    try:
        return bool(dkim.DKIM(mail).verify(place, dnsfunc=look_up))
    except dkim.DKIMException:
        return False


def opendkim_says(program: str, folder: Path, mail: bytes, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what opendkim finds of the signature of each algorithm: pass, fail, ..."""
    (folder / "dns").write_text("".join(f"{name} {text}\n" for name, text in texts.items()), encoding="ascii")
    (folder / "conf").write_text(f"Mode v\nTestDNSData {folder / 'dns'}\nAlwaysAddARHeader yes\n", encoding="utf-8")
    (folder / "mail").write_bytes(mail)
    done = subprocess.run(
        [program, "-x", str(folder / "conf"), "-t", str(folder / "mail"), "-vvv"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    said = done.stdout + done.stderr
    found = re.findall(r"dkim=(\w+)(?: reason=\"[^\"]*\")?[^;]*header\.a=([\w-]+)", said)
    assert found, said
    return {algorithm: result for result, algorithm in found}


def mailauth_says(program: str, mail: bytes, texts: Mapping[str, str], **envelope: str) -> Any:
    """Return what mailauth, run by node, finds of DKIM, SPF and DMARC."""
    asked = {"mail": mail.decode("ascii"), "texts": texts, **envelope}
    done = _node(program, _MAILAUTH, json.dumps(asked))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def need_node_module(program: str, name: str) -> None:
    """Skip the test without a package of npm; in CI fail it."""
    if _node(program, f"require.resolve({name!r})", "").returncode:
        missing(f"{name} of npm is not installed")


def _node(program: str, script: str, given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "-e", script],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(node_packages())},
    )
