"""A trial mail against real servers: which step fails, with what words, and that nothing goes out in the clear."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from digestbot.mail.smtp import Server
from digestbot.mail.trial import Outcome, Trial, try_delivery
from tests.mail.servers import MAIL, READER, SENDER, Certificate, Inbox, certificate, serve, sink

__all__ = ["certificate", "serve"]

STEPS = ["connection", "tls", "login", "sender", "recipient", "content"]


def attempt(server: Server, patience: float = 5) -> Trial:
    trial = asyncio.run(try_delivery(server, SENDER, READER, MAIL, patience=patience))
    assert [one.step for one in trial.steps] == STEPS
    return trial


def failed(server: Server, step: str, patience: float = 5) -> tuple[str, str]:
    """Return what was said at the step that failed, and what it means; nothing was tried behind it."""
    trial = attempt(server, patience)
    assert not trial.taken
    outcomes = [one.outcome for one in trial.steps]
    place = STEPS.index(step)
    assert set(outcomes[:place]) <= {Outcome.OK, Outcome.OFF}
    assert outcomes[place:] == [Outcome.FAILED] + [Outcome.UNTRIED] * (len(STEPS) - place - 1)
    one = trial.steps[place]
    return f"{one.code or ''} {one.said}".strip(), trial.explanation.means


def test_a_mail_that_is_taken_arrives_once_byte_by_byte_and_every_step_says_what_the_server_said(
    serve: Callable[..., Server],
) -> None:
    inbox = Inbox()
    trial = attempt(serve(inbox))
    assert inbox.mails == [(SENDER, [READER], MAIL)]
    assert trial.taken
    assert [one.outcome for one in trial.steps] == ["ok", "off", "off", "ok", "ok", "ok"]
    assert [one.code for one in trial.steps] == [220, None, None, 250, 250, 250]
    assert trial.steps[-1].said == "Queued as 17"
    assert "has taken the mail" in trial.explanation.means


def test_a_closed_port_is_told_from_a_name_that_nobody_knows(free_port: Callable[[], int]) -> None:
    refused = failed(Server(host="127.0.0.1", port=free_port(), security="none"), "connection")
    assert "nothing listens there" in refused[1]
    # A name of two addresses, each refused on its own.
    assert "nothing listens" in failed(Server(host="localhost", port=free_port(), security="none"), "connection")[1]
    # None of these gets as far as a name server: too long, an empty part, a part that is too long.
    for name in ("a." * 200 + "b", "a..b", "x" * 70):
        unknown = failed(Server(host=name, port=25, security="none"), "connection")
        assert "the DNS knows no machine of this name" in unknown[1]


@contextmanager
def deaf() -> Iterator[int]:
    """Yield a port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield int(door.getsockname()[1])


@contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """Yield a port that says one line and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve_one() -> None:
            guest, _ = door.accept()
            with guest:
                guest.sendall(line)

        thread = threading.Thread(target=serve_one)
        thread.start()
        yield int(door.getsockname()[1])
        thread.join()


def test_a_server_that_never_speaks_is_given_up() -> None:
    with deaf() as port:
        said = failed(Server(host="127.0.0.1", port=port, security="none"), "connection", patience=0.1)
    assert "says nothing" in said[1]


def test_a_server_that_turns_us_away_at_the_door_is_quoted() -> None:
    with greeting(b"554 5.3.2 not today\r\n") as port:
        said = failed(Server(host="127.0.0.1", port=port, security="none"), "connection")
    assert said[0] == "554 5.3.2 not today"
    assert "turns this machine away" in said[1]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_does_not_hold_is_a_failure_of_tls(
    serve: Callable[..., Server], peer: Callable[[str], str], security: str, request: pytest.FixtureRequest
) -> None:
    peer("openssl")
    own: Certificate = request.getfixturevalue("certificate")
    inbox = Inbox()
    option = "tls_context" if security == "starttls" else "ssl_context"
    said = failed(serve(inbox, security=security, **{option: own.context}), "tls")
    assert "self-signed certificate" in said[0]
    assert "cannot prove" in said[1]
    assert inbox.seen == []


def test_a_certificate_of_another_name_says_which(
    serve: Callable[..., Server],
    peer: Callable[[str], str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer("openssl")
    own: Certificate = request.getfixturevalue("certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(own.path))
    server = serve(Inbox(), security="starttls", tls_context=own.context)
    said = failed(Server(host="localhost", port=server.port, security="starttls"), "tls")
    assert "localhost" in said[0]
    trial = attempt(server)
    assert trial.taken
    assert trial.steps[1].said.startswith("TLSv1.")


def test_tls_that_is_not_there_is_told_from_a_port_that_begins_without(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    assert "does not offer STARTTLS" in failed(serve(inbox, security="starttls"), "tls")[1]
    assert "begins without it" in failed(serve(inbox, security="tls"), "tls")[1]
    assert inbox.seen == []


def test_a_refused_login_is_told_from_one_that_is_not_offered_and_shows_no_password(
    serve: Callable[..., Server],
) -> None:
    def login(server: Server) -> Server:
        return Server(host=server.host, port=server.port, security="none", username="digest", password="s3cret")

    inbox = Inbox()
    refusing = serve(inbox, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=False, handled=False))
    said = failed(login(refusing), "login")
    assert said[0].startswith("535 ")
    assert "does not accept this login" in said[1]
    assert "s3cret" not in str(attempt(login(refusing)))
    assert "offers no login" in failed(login(serve(inbox)), "login")[1]
    assert inbox.seen == []
    taking = serve(inbox, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=True))
    assert attempt(login(taking)).taken


@pytest.mark.parametrize(
    ("options", "step", "said", "means"),
    [
        (("-f", "MAIL", "-B", "550 5.7.1 not you"), "sender", "550 5.7.1 not you", "does not let us send"),
        (("-f", "RCPT", "-B", "550 5.1.1 nobody"), "recipient", "550 5.1.1 nobody", "no such address"),
        (("-f", "RCPT", "-B", "552 5.2.2 full"), "recipient", "552 5.2.2 full", "is full"),
        (("-r", "RCPT", "-b", "451 4.7.1 later"), "recipient", "451 4.7.1 later", "greylisted"),
        (("-f", ".", "-B", "554 5.6.0 no"), "content", "554 5.6.0 no", "did not like what is in it"),
        (("-f", "DATA", "-B", "550 5.7.26 no"), "content", "550 5.7.26 no", "nothing proves"),
        (("-Q", "MAIL"), "sender", "421", "shuts the line"),
        (("-q", "RCPT"), "recipient", "", "before the mail was handed over"),
        (("-q", "."), "content", "", "it may arrive, or not"),
    ],
)
def test_postfixs_sink_with_faults_is_explained(
    peer: Callable[[str], str], free_port: Callable[[], int], options: Any, step: str, said: str, means: str
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        found = failed(server, step)
    assert said in found[0]
    assert means in found[1]
