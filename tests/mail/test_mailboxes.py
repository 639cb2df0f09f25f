"""Mailboxes that bounces come to: a real Dovecot, and Maildirs."""

from __future__ import annotations

import imaplib
import mailbox
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from digestbot.errors import MailboxError, StoreError
from digestbot.mail.mailboxes import ImapAccount, ImapMailbox, MaildirMailbox
from tests.judges.dovecot import Dovecot, dovecot
from tests.mail.bounced import EXIM, POSTFIX
from tests.required import missing

PASSWORD = "of-the-tests"
LIMIT = 2**20


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    program = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") or missing("dovecot is not installed")
    with dovecot(program, find_port) as running:
        yield running


def account(server: Dovecot, username: str, **changes: Any) -> ImapAccount:
    values: dict[str, Any] = {"host": "127.0.0.1", "port": server.imap, "security": "none"}
    return ImapAccount(username=username, password=PASSWORD, **values | changes)


class Taken:
    """Keeps what it is handed, and acts on what has a word in it."""

    def __init__(self, word: bytes = b"") -> None:
        self.word = word
        self.mails: list[bytes] = []

    def __call__(self, content: bytes) -> bool:
        self.mails.append(content)
        return self.word in content


def flags(server: Dovecot, username: str, folder: str = "INBOX") -> list[bool]:
    """Return of each mail in a folder whether it was seen."""
    with imaplib.IMAP4("127.0.0.1", server.imap, timeout=10) as connection:
        connection.login(username, PASSWORD)
        if connection.select(f'"{folder}"', readonly=True)[0] != "OK":
            return []
        numbers = connection.search(None, "ALL")[1][0].split()
        return ["Seen" in str(connection.fetch(number, "(FLAGS)")) for number in numbers]


def test_what_was_acted_on_is_deleted_and_the_rest_is_left_and_seen(server: Dovecot) -> None:
    for mail in (POSTFIX, b"Subject: a person writes\r\n\r\nHello.\r\n", EXIM):
        server.take("deleted", mail)
    taken = Taken(b"MAILER-DAEMON")
    box = ImapMailbox(account(server, "deleted"))
    box.poll(taken, limit=LIMIT)
    assert taken.mails[0].endswith(POSTFIX[-200:])
    assert len(taken.mails) == 3
    # Of three one was acted on: the other two have been seen.
    assert flags(server, "deleted") == [True, True]
    box.poll(taken, limit=LIMIT)
    assert len(taken.mails) == 3


def test_what_was_acted_on_is_moved_to_a_folder_that_is_made_for_it(server: Dovecot) -> None:
    box = ImapMailbox(account(server, "moved", folder='Read "by" us'))
    for _ in range(2):
        server.take("moved", POSTFIX)
        box.poll(Taken(), limit=LIMIT)
    assert flags(server, "moved") == []
    assert len(flags(server, "moved", 'Read \\"by\\" us')) == 2


def test_no_more_of_a_mail_is_fetched_than_its_beginning(server: Dovecot) -> None:
    server.take("long", POSTFIX + b"x" * 70 + b"\r\n" * 100_000)
    taken = Taken()
    ImapMailbox(account(server, "long")).poll(taken, limit=1000)
    assert [len(one) for one in taken.mails] == [1000]


def test_a_mail_whose_consequences_cannot_be_stored_comes_again(server: Dovecot) -> None:
    for mail in (POSTFIX, EXIM):
        server.take("again", mail)
    box = ImapMailbox(account(server, "again"))

    def fail(content: bytes) -> bool:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="the disk is full"):
        box.poll(fail, limit=LIMIT)
    assert flags(server, "again") == [False, False]
    taken = Taken()
    box.poll(taken, limit=LIMIT, ending=lambda: len(taken.mails) == 1)
    assert len(taken.mails) == 1
    assert flags(server, "again") == [False]


def test_another_mailbox_than_the_inbox_can_be_read(server: Dovecot) -> None:
    with imaplib.IMAP4("127.0.0.1", server.imap, timeout=10) as connection:
        connection.login("sorted", PASSWORD)
        connection.create("Bounces")
        connection.append("Bounces", "", None, POSTFIX)
    taken = Taken()
    ImapMailbox(account(server, "sorted", mailbox="Bounces")).poll(taken, limit=LIMIT)
    assert taken.mails == [POSTFIX]


@pytest.mark.parametrize(
    "changes",
    [
        {"mailbox": "not there"},
        {"port": 1},
        {"host": "nowhere.invalid"},
        {"security": "starttls"},
        {"security": "tls"},
    ],
)
def test_a_mailbox_that_cannot_be_used_is_an_error_that_names_it(server: Dovecot, changes: dict[str, Any]) -> None:
    used = replace(account(server, "wrong"), **changes)
    with pytest.raises(MailboxError, match=f"the mailbox at {used.host}:{used.port} cannot be read: .*\\[bounces\\]"):
        ImapMailbox(used, seconds=2).poll(Taken(), limit=LIMIT)


@contextmanager
def tls(certificate: Path, key: Path, inside: int) -> Iterator[int]:
    """Listen with TLS before a server without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                target.sendall(content)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                try:
                    outer = context.wrap_socket(raw, server_side=True)
                except OSError:
                    raw.close()
                    continue
                with outer, socket.create_connection(("127.0.0.1", inside)) as inner:
                    back = threading.Thread(target=pump, args=(inner, outer))
                    back.start()
                    pump(outer, inner)
                    back.join()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_with_tls_the_certificate_is_checked(server: Dovecot, tmp_path: Path, peer: Callable[[str], str]) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    command += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run([peer("openssl"), *command.split()], check=True, capture_output=True)
    server.take("secret", POSTFIX)
    with tls(certificate, key, server.imap) as port:
        used = account(server, "secret", port=port, security="tls")
        with pytest.raises(MailboxError, match="certificate verify failed"):
            ImapMailbox(used, seconds=5).poll(Taken(), limit=LIMIT)
        taken = Taken()
        trusting = ssl.create_default_context(cafile=certificate)
        ImapMailbox(used, seconds=5, context=trusting).poll(taken, limit=LIMIT)
    assert len(taken.mails) == 1


def test_without_the_tls_that_is_stated_no_password_leaves() -> None:
    said: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n")
            while line := stream.readline():
                said.append(line)
                tag = line.split()[0]
                stream.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    used = ImapAccount(host="127.0.0.1", port=port, security="starttls", username="ada", password=PASSWORD)
    with pytest.raises(MailboxError):
        ImapMailbox(used, seconds=2).poll(Taken(), limit=LIMIT)
    thread.join()
    listener.close()
    assert said
    assert not any(b"LOGIN" in line or b"AUTHENTICATE" in line for line in said)


def test_a_password_is_in_no_text_of_the_account() -> None:
    used = ImapAccount(host="127.0.0.1", port=1, security="none", username="ada", password=PASSWORD)
    assert PASSWORD not in f"{used} {used!r}"


# Maildirs


def maildir(path: Path, *mails: bytes) -> mailbox.Maildir:
    made = mailbox.Maildir(path)
    for mail in mails:
        made.add(mail)
    return made


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def test_of_a_maildir_what_was_acted_on_is_deleted_and_the_rest_is_left_and_seen(tmp_path: Path) -> None:
    made = maildir(tmp_path / "box", POSTFIX, b"Subject: a person writes\r\n\r\nHello.\r\n")
    taken = Taken(b"MAILER-DAEMON")
    box = MaildirMailbox(tmp_path / "box")
    box.poll(taken, limit=LIMIT)
    assert sorted(taken.mails, key=len)[1] == POSTFIX
    assert names(tmp_path / "box" / "new") == []
    (left,) = made
    assert (left["Subject"], left.get_flags()) == ("a person writes", "S")
    box.poll(taken, limit=LIMIT)
    assert len(taken.mails) == 2


def test_of_a_maildir_what_was_acted_on_is_moved_to_a_folder(tmp_path: Path) -> None:
    made = maildir(tmp_path / "box", POSTFIX, EXIM)
    taken = Taken()
    MaildirMailbox(tmp_path / "box", "Read").poll(taken, limit=40)
    assert [len(one) for one in taken.mails] == [40, 40]
    assert len(made) == 0
    assert {one.get_flags() for one in made.get_folder("Read")} == {"S"}
    assert len(made.get_folder("Read")) == 2


def test_a_mail_of_a_maildir_whose_consequences_cannot_be_stored_comes_again(tmp_path: Path) -> None:
    maildir(tmp_path / "box", POSTFIX, EXIM)

    def fail(content: bytes) -> bool:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        MaildirMailbox(tmp_path / "box").poll(fail, limit=LIMIT)
    assert len(names(tmp_path / "box" / "new")) == 2
    MaildirMailbox(tmp_path / "box").poll(Taken(), limit=LIMIT, ending=lambda: True)
    assert len(names(tmp_path / "box" / "new")) == 2


@pytest.mark.parametrize("name", ["nothing", "file", "empty"])
def test_what_is_no_maildir_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MailboxError, match=f"{name}: cannot be read as a Maildir: .*\\[bounces\\]"):
        MaildirMailbox(tmp_path / name).poll(Taken(), limit=LIMIT)


def test_a_wrong_password_is_an_error_that_does_not_show_it(server: Dovecot) -> None:
    """Stands last: this Dovecot lets whoever was wrong once wait."""
    with pytest.raises(MailboxError, match=r"authentication failed|AUTHENTICATIONFAILED|timed out") as caught:
        ImapMailbox(replace(account(server, "wrong"), password="wróng and long"), seconds=4).poll(Taken(), limit=LIMIT)
    assert "wróng" not in str(caught.value)
