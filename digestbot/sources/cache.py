"""Pages on disk, so that what has not changed is not sent again (RFC 9111, conditional requests).

A cache is only ever a help: one that cannot be read or written is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

_MOST = 200
_LONGEST_MARK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it was sent; ``etag`` and ``modified`` byte for byte, empty when there was none."""

    body: bytes
    etag: bytes
    modified: bytes

    def conditions(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that ask for the page only if it has changed.

        The ETag goes back as it came: arXiv sends its own without the quotes that RFC 9110 wants.
        """
        headers = [(b"If-None-Match", self.etag), (b"If-Modified-Since", self.modified)]
        return [(name, value) for name, value in headers if value]


class Pages:
    """The newest pages, one file each, in a folder that is made on first use; without one nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def kept(self, url: str) -> Page | None:
        """Return the page as it was kept, ``None`` when it is not there or its file is broken."""
        if self._folder is None:
            return None
        path = self._path(self._folder, url)
        try:
            head, _, packed = path.read_bytes().partition(b"\n")
            said = json.loads(head)
            page = Page(
                body=zlib.decompress(packed, wbits=31),
                etag=said["etag"].encode("latin-1"),
                modified=said["modified"].encode("latin-1"),
            )
            # Pages that are asked for are the last to be removed.
            os.utime(path)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error):
            return None
        return page

    def keep(self, url: str, page: Page) -> None:
        """Keep a page that says how to ask whether it has changed; the oldest makes room for it."""
        if self._folder is None:
            return
        if not page.conditions() or max(len(page.etag), len(page.modified)) > _LONGEST_MARK:
            # The page that was kept is not the page any more.
            self.forget(url)
            return
        # Not the address: it may hold a password.
        head = {"etag": page.etag.decode("latin-1"), "modified": page.modified.decode("latin-1")}
        packer = zlib.compressobj(level=1, wbits=31)
        content = json.dumps(head).encode() + b"\n" + packer.compress(page.body) + packer.flush()
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._path(self._folder, url), content)
            _remove_oldest(self._folder)

    def forget(self, url: str) -> None:
        """Have this page asked for without conditions the next time."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._path(self._folder, url).unlink(missing_ok=True)

    @staticmethod
    def _path(folder: Path, url: str) -> Path:
        return folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}.page"


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    unfinished = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _remove_oldest(folder: Path) -> None:
    # Unfinished files of a process that was killed grow old like the others.
    newest = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in newest[_MOST:]:
        path.unlink(missing_ok=True)
