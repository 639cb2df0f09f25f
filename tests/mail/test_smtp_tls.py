"""SMTP under TLS: as stated and never weaker, and only with a certificate that is trusted, of this server and of now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from digestbot.errors import ServerUnavailableError
from digestbot.mail.smtp import Server
from tests.mail.servers import DAY, NOW, Certificate, Inbox, certificate, certified, problem, send, serve

__all__ = ["certificate", "serve"]


def test_tls_that_is_not_offered_is_never_replaced_by_plain_text(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    assert isinstance(problem(serve(inbox, security="starttls")), ServerUnavailableError)
    assert isinstance(problem(serve(inbox, security="tls")), ServerUnavailableError)
    assert inbox.seen == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_a_certificate_of_its_own_making_is_not_trusted(
    serve: Callable[..., Server], certificate: Certificate, security: str
) -> None:
    inbox = Inbox()
    option = "tls_context" if security == "starttls" else "ssl_context"
    server = serve(inbox, security=security, **{option: certificate.context})
    found = problem(server)
    assert isinstance(found, ServerUnavailableError)
    assert inbox.seen == []


def test_with_a_certificate_one_trusts_starttls_encrypts(
    serve: Callable[..., Server], certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    inbox = Inbox()
    assert send(serve(inbox, security="starttls", tls_context=certificate.context)) == ["Queued as 17"]
    assert inbox.encrypted == [True]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("name", "begins", "ends", "why"),
    [
        ("127.0.0.1", NOW - 2 * DAY, NOW - DAY, "expired"),
        ("127.0.0.1", NOW + DAY, NOW + 2 * DAY, "not yet valid"),
        ("127.0.0.2", NOW - DAY, NOW + DAY, "127.0.0.1"),
    ],
    ids=["expired", "not yet valid", "of another"],
)
def test_a_certificate_that_one_trusts_must_be_of_this_server_and_of_now(
    serve: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    name: str,
    begins: datetime,
    ends: datetime,
    why: str,
) -> None:
    made = certified(tmp_path / "certificate.pem", name=name, begins=begins, ends=ends)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    inbox = Inbox()
    option = "tls_context" if security == "starttls" else "ssl_context"
    found = problem(serve(inbox, security=security, **{option: made.context}))
    assert isinstance(found, ServerUnavailableError)
    assert why in str(found)
    assert inbox.seen == []
