"""``mail test``: one mail at once, and what the server said in words that help."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from tests.cli.conftest import ADA, Catcher, Cli
from tests.mail.peers import dkimpy_says
from tests.mail.servers import Certificate, Inbox, PatientController, certificate, sink
from tests.mails import parsed, part

__all__ = ["certificate"]

STEPS = ["connection", "tls", "login", "sender", "recipient", "content"]


def settings(port: int, smtp: str = "", mail: str = "") -> str:
    return (
        f'[smtp]\nhost = "127.0.0.1"\nport = {port}\n{smtp}\n'
        f'[mail]\nsender = "Digest <digest@example.org>"\nreply_to = "help@example.org"\n{mail}\n'
    )


@pytest.fixture
def serve(free_port: Callable[[], int]) -> Iterator[Callable[..., int]]:
    """Start servers, and return their ports."""
    running: list[PatientController] = []

    def start(inbox: Inbox, **options: Any) -> int:
        controller = PatientController(inbox, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        return int(controller.port)

    yield start
    for controller in running:
        controller.stop()


def refused(cli: Cli, step: str) -> tuple[str, str]:
    """Return what was said at the step that failed, and what stderr says to do."""
    found = cli("mail", "test", ADA, "--json", code=1)
    value = cli.json("mail", "test", ADA, code=1)
    assert value["taken"] is False
    assert value["means"]
    assert found.err == f"digestbot: the mail was not taken; {value['advice']}\n"
    [one] = [one for one in value["steps"] if one["outcome"] == "failed"]
    assert one["step"] == step
    return f"{one['code'] or ''} {one['said']}".strip(), str(value["means"])


def test_a_mail_that_is_taken_says_from_whom_and_through_whom_it_came(
    cli: Cli, free_port: Callable[[], int], smtp_server: Callable[[int], Catcher]
) -> None:
    catcher = smtp_server(port := free_port())
    cli.configure(settings(port))
    found = cli("mail", "test", ADA)
    assert f"127.0.0.1:{port}, without TLS" in found.out
    assert "250 taken" in found.out
    assert "What it means: the server has taken the mail" in found.out
    assert "What to do: look for it in the mailbox" in found.out
    [(to, content)] = catcher.mails
    assert to == ADA
    mail = parsed(content)
    assert (mail["From"], mail["To"]) == ("Digest <digest@example.org>", ADA)
    assert mail["Reply-To"] == "help@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None
    for kind in ("plain", "html"):
        words = " ".join(part(mail, kind).split())
        assert "This is a test mail" in words
        assert f"127.0.0.1:{port}, without TLS" in words
        assert mail["Date"].datetime.strftime("%Y-%m-%d %H:%M:%S UTC") in words
        assert "digest@example.org" in words


def test_each_test_is_a_mail_of_its_own_and_none_is_in_the_outbox(
    cli: Cli, free_port: Callable[[], int], smtp_server: Callable[[int], Catcher]
) -> None:
    catcher = smtp_server(port := free_port())
    cli.configure(settings(port))
    for _ in range(2):
        cli("mail", "test", ADA)
    first, second = (message_from_bytes(content)["Message-ID"] for _, content in catcher.mails)
    assert first != second
    assert not (cli.folder / "digestbot.sqlite").exists()


def test_json_has_every_step_in_its_order(
    cli: Cli, free_port: Callable[[], int], smtp_server: Callable[[int], Catcher]
) -> None:
    smtp_server(port := free_port())
    cli.configure(settings(port))
    found = cli.json("mail", "test", ADA)
    assert (found["taken"], found["signed"], found["address"]) == (True, False, ADA)
    assert (found["server"], found["security"], found["sender"]) == (f"127.0.0.1:{port}", "none", "digest@example.org")
    assert [one["step"] for one in found["steps"]] == STEPS
    assert [one["outcome"] for one in found["steps"]] == ["ok", "off", "off", "ok", "ok", "ok"]
    assert found["steps"][-1] == {"step": "content", "outcome": "ok", "code": 250, "said": "taken"}


def test_with_keys_the_mail_is_signed_and_says_so(
    cli: Cli, free_port: Callable[[], int], smtp_server: Callable[[int], Catcher]
) -> None:
    catcher = smtp_server(port := free_port())
    cli.configure(settings(port))
    records = {one["name"].rstrip("."): one["value"] for one in cli.json("dkim", "generate")}
    assert cli.json("mail", "test", ADA)["signed"] is True
    [(_, content)] = catcher.mails
    assert dkimpy_says(content, records) == [True, True]
    assert "Signed: by example.org" in part(parsed(content), "plain")


def test_with_a_bounce_domain_it_comes_back_there_as_digests_do_and_belongs_to_nobody(
    cli: Cli, serve: Callable[..., int]
) -> None:
    inbox = Inbox()
    cli.configure(settings(serve(inbox), mail='bounce_domain = "bounce.example.org"'))
    cli("mail", "test", ADA)
    [(sender, to, _)] = inbox.mails
    assert sender.startswith("b+")
    assert sender.endswith("@bounce.example.org")
    assert to == [ADA]


def test_without_a_server_it_becomes_a_file_and_says_that_nobody_got_it(cli: Cli) -> None:
    found = cli("mail", "test", ADA)
    [path] = cli.mails()
    assert str(path) in found.out
    assert "reach nobody" in found.out
    assert message_from_bytes(path.read_bytes())["To"] == ADA
    value = cli.json("mail", "test", ADA)
    assert (value["server"], value["taken"]) == (None, True)


def test_a_folder_that_cannot_be_written_is_said(cli: Cli) -> None:
    (cli.folder / "mailbox").write_text("in the way")
    assert "cannot be written" in cli("mail", "test", ADA, code=1).err


@pytest.mark.parametrize(
    "address", ["ada", "ada@", "@example.org", "a b@example.org", "a@b@c", "", "ada@example.org\r\nBcc: b"]
)
def test_what_is_no_address_exits_2_and_is_sent_nowhere(cli: Cli, address: str) -> None:
    assert "is not a mail address" in cli("mail", "test", address, code=2).err
    assert cli.mails() == []


def test_a_closed_port_names_the_settings_to_look_at(cli: Cli, free_port: Callable[[], int]) -> None:
    cli.configure(settings(free_port()))
    assert "nothing listens there" in refused(cli, "connection")[1]
    found = cli("mail", "test", ADA, code=1)
    assert "[smtp] host and port" in found.err
    assert "not tried" in found.out


def test_a_wrong_certificate_gets_neither_login_nor_mail(
    cli: Cli, serve: Callable[..., int], peer: Callable[[str], str], request: pytest.FixtureRequest
) -> None:
    peer("openssl")
    own: Certificate = request.getfixturevalue("certificate")
    assert isinstance(own.context, ssl.SSLContext)
    inbox = Inbox()
    cli.configure(settings(serve(inbox, tls_context=own.context), 'security = "starttls"'))
    assert "self-signed certificate" in refused(cli, "tls")[0]
    assert inbox.seen == []


def test_starttls_that_is_not_offered_is_said(cli: Cli, serve: Callable[..., int]) -> None:
    inbox = Inbox()
    cli.configure(settings(serve(inbox), 'security = "starttls"'))
    assert "does not offer STARTTLS" in refused(cli, "tls")[1]
    assert inbox.seen == []


def test_a_refused_login_names_the_secret_and_does_not_show_it(cli: Cli, serve: Callable[..., int]) -> None:
    port = serve(Inbox(), auth_require_tls=False, authenticator=lambda *_: AuthResult(success=False, handled=False))
    cli.configure(settings(port, 'username = "digest"'))
    secret = cli.folder / "digestbot.secret"
    secret.write_text('keys = ["a key of the tests, long enough"]\nsmtp_password = "s3cret-word"\n')
    secret.chmod(0o600)
    said, means = refused(cli, "login")
    assert said.startswith("535 ")
    assert "does not accept this login" in means
    found = cli("mail", "test", ADA, code=1)
    assert "smtp_password" in found.err
    assert "s3cret-word" not in found.out + found.err


@pytest.mark.parametrize(
    ("options", "step", "means"),
    [
        (("-f", "MAIL", "-B", "550 5.7.23 SPF says no"), "sender", "nothing proves"),
        (("-f", "RCPT", "-B", "550 5.1.1 no such user"), "recipient", "no such address"),
        (("-r", "RCPT", "-b", "451 4.7.1 greylisted"), "recipient", "greylisted"),
        (("-f", "RCPT", "-B", "552 5.2.2 mailbox full"), "recipient", "is full"),
        (("-f", ".", "-B", "554 5.6.0 we do not like it"), "content", "did not like"),
        (("-f", ".", "-B", "552 5.3.4 too big"), "content", "too large"),
        (("-Q", "RCPT"), "recipient", "shuts the line"),
    ],
)
def test_a_servers_refusal_is_quoted_and_explained(
    cli: Cli, peer: Callable[[str], str], free_port: Callable[[], int], options: Any, step: str, means: str
) -> None:
    with sink(peer("smtp-sink"), port := free_port(), *options):
        cli.configure(settings(port))
        found = refused(cli, step)
    assert means in found[1]
    assert (options[3] if len(options) > 3 else "421") in found[0]


def test_what_a_server_says_cannot_steer_the_terminal(cli: Cli, serve: Callable[..., int]) -> None:
    cli.configure(settings(serve(Inbox({"rcpt": "550 5.1.1 \x1b[2Jno\x07"}))))
    found = cli("mail", "test", ADA, code=1)
    assert "550 5.1.1" in found.out
    assert not {"\x1b", "\x07"} & set(found.out + found.err)
