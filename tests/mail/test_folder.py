"""Mail as files: whole or not at all, and a resend replaces itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from digestbot.errors import ServerUnavailableError
from digestbot.mail.folder import MailFolder


def mail(identifier: str = "2025-05-27.1@example.org", body: str = "Hello") -> bytes:
    return f"Message-ID: <{identifier}>\r\n\r\n{body}\r\n".encode()


def put(folder: Path, message: bytes) -> Path:
    return Path(asyncio.run(MailFolder(folder).send("digest@example.org", "reader@example.org", message)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_mail_is_a_file_of_its_bytes_named_by_its_message_id(tmp_path: Path) -> None:
    written = put(tmp_path / "new" / "mailbox", mail())
    assert written == tmp_path / "new" / "mailbox" / "2025-05-27.1.eml"
    assert written.read_bytes() == mail()
    assert names(written.parent) == ["2025-05-27.1.eml"]


def test_a_mail_that_goes_out_again_replaces_itself(tmp_path: Path) -> None:
    put(tmp_path, mail())
    put(tmp_path, mail(body="Hello again"))
    put(tmp_path, mail("2025-05-28.1@example.org"))
    assert names(tmp_path) == ["2025-05-27.1.eml", "2025-05-28.1.eml"]
    assert (tmp_path / "2025-05-27.1.eml").read_bytes() == mail(body="Hello again")


def test_no_message_id_leads_out_of_the_folder(tmp_path: Path) -> None:
    for identifier in ("../../up@example.org", "/etc/up@example.org", "..@example.org"):
        assert put(tmp_path / "mailbox", mail(identifier)).parent == tmp_path / "mailbox"
    assert names(tmp_path) == ["mailbox"]


def test_a_folder_that_cannot_be_made_stops_the_run_and_says_which_setting(tmp_path: Path) -> None:
    (tmp_path / "mailbox").write_text("a file, not a folder")
    with pytest.raises(ServerUnavailableError, match="see the settings 'mailbox'") as caught:
        put(tmp_path / "mailbox", mail())
    assert str(tmp_path / "mailbox") in str(caught.value)


def test_a_mail_that_cannot_take_its_place_leaves_nothing_half_written(tmp_path: Path) -> None:
    # Something that cannot be replaced stands where the mail should be.
    (tmp_path / "2025-05-27.1.eml").mkdir()
    (tmp_path / "2025-05-27.1.eml" / "kept").touch()
    with pytest.raises(ServerUnavailableError):
        put(tmp_path, mail())
    assert names(tmp_path) == ["2025-05-27.1.eml"]


def test_what_a_reader_finds_in_the_folder_is_always_a_whole_mail(tmp_path: Path) -> None:
    big = mail(body="x" * 500_000)
    sizes: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            sizes.update(path.stat().st_size for path in tmp_path.glob("*.eml"))

    watching = threading.Thread(target=watch)
    watching.start()
    for _ in range(10):
        put(tmp_path, big)
    done.set()
    watching.join()
    assert sizes == {len(big)}
