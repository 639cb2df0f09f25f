"""Mailboxes that bounces come to where a mail server has no pipe for us: an IMAP account, or a Maildir.

What was acted on is deleted, or moved to a folder; anything else stays and is marked as seen, for people to look at.
"""

from __future__ import annotations

import imaplib
import mailbox
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from digestbot.errors import MailboxError

# The end of the program waits for a round that is under way.
_SECONDS = 20.0

# Says whether a mail, of which it is handed the beginning, was acted on.
Take: TypeAlias = Callable[[bytes], bool]


class Mailbox(Protocol):
    """Hands over the mails that nobody has seen; what ``take`` raises ends the round, and that mail stays unseen."""

    def poll(self, take: Take, *, limit: int, ending: Callable[[], bool] = ...) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapAccount:
    """An IMAP account. TLS is as stated, and never weaker; without a ``folder`` what was acted on is deleted."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str
    password: str = field(repr=False)
    mailbox: str = "INBOX"
    folder: str = ""


class ImapMailbox:
    """A mailbox of an IMAP account, over a connection of its own for each round."""

    def __init__(
        self, account: ImapAccount, *, seconds: float = _SECONDS, context: ssl.SSLContext | None = None
    ) -> None:
        self._account = account
        self._seconds = seconds
        self._context = context

    def poll(self, take: Take, *, limit: int, ending: Callable[[], bool] = lambda: False) -> None:
        """Hand over the first ``limit`` bytes of every mail that nobody has seen, the oldest first.

        Raises ``MailboxError`` when the server cannot be reached, or does not do as it is asked.
        """
        with self._translated(), self._connected() as connection:
            _asked(connection.select(_quoted(self._account.mailbox)))
            (found, *_) = _asked(connection.uid("search", "UNSEEN", "UNDELETED"))
            extensions = _extensions(connection)
            for number in (found or b"").decode("ascii").split():
                if ending():
                    break
                content = _content(_asked(connection.uid("fetch", number, f"(BODY.PEEK[]<0.{limit}>)")))
                if content is not None:
                    self._put_away(connection, number, extensions, done=take(content))

    def _put_away(self, connection: imaplib.IMAP4, number: str, extensions: list[str], *, done: bool) -> None:
        folder = self._account.folder
        if not done:
            _asked(connection.uid("store", number, "+FLAGS.SILENT", r"(\Seen)"))
        elif folder and "MOVE" in extensions:
            # RFC 6851.
            _asked(connection.uid("move", number, _quoted(folder)))
        else:
            if folder:
                _asked(connection.uid("copy", number, _quoted(folder)))
            _asked(connection.uid("store", number, "+FLAGS.SILENT", r"(\Deleted \Seen)"))
            # RFC 4315: other programs' deleted mails are theirs, where the server can tell them apart.
            if "UIDPLUS" in extensions:
                _asked(connection.uid("expunge", number))
            else:
                _asked(connection.expunge())

    @contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        account = self._account
        context = self._context or ssl.create_default_context()
        if account.security == "tls":
            connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                account.host, account.port, ssl_context=context, timeout=self._seconds
            )
        else:
            connection = imaplib.IMAP4(account.host, account.port, timeout=self._seconds)
        try:
            if account.security == "starttls":
                connection.starttls(context)
            if "AUTH=PLAIN" in connection.capabilities:
                # RFC 4616: any character can stand in a password, which the login command takes in ASCII alone.
                secret = f"\0{account.username}\0{account.password}".encode()
                connection.authenticate("PLAIN", lambda _: secret)
            else:
                connection.login(account.username, account.password)
            if account.folder:
                # It may be there: a server that has none will say so when a mail is put into it.
                connection.create(_quoted(account.folder))
            yield connection
            connection.logout()
        finally:
            # After an error nobody waits for the server to say goodbye.
            with suppress(OSError):
                connection.shutdown()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        where = f"{self._account.host}:{self._account.port}"
        try:
            yield
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            raise MailboxError(f"the mailbox at {where} cannot be read: {error}; look at [bounces]") from error


class MaildirMailbox:
    """A Maildir that a mail server on this machine, or a program such as getmail, puts mails into."""

    def __init__(self, path: Path, folder: str = "") -> None:
        self._path = path
        self._folder = folder

    def poll(self, take: Take, *, limit: int, ending: Callable[[], bool] = lambda: False) -> None:
        """Hand over the first ``limit`` bytes of every new mail, by their names, which begin with the time.

        Raises ``MailboxError`` when the folder is not there, or cannot be written.
        """
        try:
            box = mailbox.Maildir(self._path, create=False)
            if self._folder:
                box.add_folder(self._folder)
            new = sorted(one for one in (self._path / "new").iterdir() if one.is_file() and one.name[0] != ".")
        except (mailbox.Error, OSError) as error:
            raise MailboxError(
                f"{self._path}: cannot be read as a Maildir: {_words(error)}; look at [bounces]"
            ) from error
        # As Maildir++ names its folders.
        done = self._path / f".{self._folder}" if self._folder else None
        for path in new:
            if ending():
                break
            self._hand_over(path, take, limit, done)

    def _hand_over(self, path: Path, take: Take, limit: int, done: Path | None) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(limit)
        except FileNotFoundError:
            # Somebody has looked at it, or taken it away.
            return
        except OSError as error:
            raise MailboxError(f"{path}: cannot be read: {_words(error)}") from error
        acted = take(content)
        # What comes behind the colon says that it was seen.
        seen = f"{path.name.partition(':')[0]}:2,S"
        try:
            if not acted:
                path.rename(self._path / "cur" / seen)
            elif done is not None:
                path.rename(done / "cur" / seen)
            else:
                path.unlink()
        except OSError as error:
            raise MailboxError(f"{path}: cannot be moved: {_words(error)}; see who owns the folder") from error


def _asked(answer: tuple[str, list[Any]]) -> list[Any]:
    """Return what a server answered; raise when that is a refusal."""
    status, data = answer
    if status != "OK":
        words = b" ".join(one for one in data if isinstance(one, bytes))
        raise imaplib.IMAP4.error(words.decode("utf-8", "replace") or status)
    return data


def _content(answer: list[Any]) -> bytes | None:
    """Return the content that was fetched, ``None`` when the mail has gone meanwhile."""
    return next((bytes(one[1]) for one in answer if isinstance(one, tuple)), None)


def _extensions(connection: imaplib.IMAP4) -> list[str]:
    # Before somebody has logged in, servers do not name all that they can.
    return b" ".join(_asked(connection.capability())).decode("ascii", "replace").upper().split()


def _quoted(name: str) -> str:
    # RFC 3501 section 4.3: imaplib leaves that to its caller.
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
