"""Logs: what must never stand in one, and what must."""

from __future__ import annotations

import io

import pytest
import structlog

from digestbot import observe


def logged(event: str = "something", *, verbose: bool = True, **values: object) -> str:
    stream = io.StringIO()
    observe.configure(stream, verbose=verbose)
    structlog.get_logger().info(event, **values)
    return stream.getvalue()


@pytest.mark.parametrize(
    "address",
    ["ada@example.org", "Ada.Lovelace+papers@mail.example.org", "o'hara@example.org", "a/b=c@xn--bcher-kva.example"],
)
def test_addresses_are_taken_out_of_event_and_values(address: str) -> None:
    for text in (logged(f"mail to {address}, refused"), logged(problem=f"550 <{address}>: no such user")):
        assert address.partition("@")[0] not in text
        assert address.rpartition("@")[2] not in text
        assert "…@…" in text
    assert ", refused" in logged(f"mail to {address}, refused")


@pytest.mark.parametrize("purpose", "fupc")
def test_tokens_are_taken_out_of_links(purpose: str) -> None:
    text = logged(url=f"https://papers.example.org/{purpose}/NCVOgnvDsAM.qWCxgH5-PfE_h=?like=3")
    assert "NCVOgnvDsAM" not in text
    assert "qWCxgH5" not in text
    assert f"https://papers.example.org/{purpose}/…?like=3" in text


def test_message_ids_numbers_and_ordinary_words_stay() -> None:
    text = logged("sent", message_id="<2025-05-27.00ff@example.org>", count=3, path="/paper/arxiv:2505.00001")
    assert "<2025-05-27.00ff@example.org>" in text
    assert "count=3" in text
    assert "/paper/arxiv:2505.00001" in text


def test_a_traceback_shows_where_but_no_address_token_or_variable() -> None:
    stream = io.StringIO()
    observe.configure(stream)

    def fail(password: str) -> None:
        raise ValueError(f"cannot mail ada@example.org /u/abc.def ({len(password)})")

    try:
        fail("hunter2-hunter2")
    except ValueError:
        structlog.get_logger().exception("job failed", job="send")
    text = stream.getvalue()
    assert "job failed" in text
    assert "Traceback" in text
    assert "in fail" in text
    for hidden in ("ada@", "example.org", "abc.def", "hunter2-hunter2\n", "password ="):
        assert hidden not in text.replace('fail("hunter2-hunter2")', "")


def test_only_warnings_are_logged_unless_verbose_is_asked_for() -> None:
    assert logged(verbose=False) == ""
    assert "something" in logged(verbose=True)
