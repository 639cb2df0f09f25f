"""What servers' refusals mean, in words that real servers use."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.mail.explaining import Step, Trouble, of_a_reply, of_trouble

STEPS: list[Step] = list(get_args(Step))


@pytest.mark.parametrize(
    ("step", "reply", "means", "advice"),
    [
        ("connection", "554 5.7.1 your network is blocked", "turns this machine away", "with a login"),
        ("connection", "421 4.7.0 too many connections", "too much at once", "connections lower"),
        ("tls", "454 4.7.0 TLS not available", "cannot do it now", "465"),
        ("login", "535 5.7.8 bad credentials", "does not accept this login", "smtp_password"),
        ("login", "534 5.7.9 Application-specific password required", "made for programs", "app password"),
        ("login", "454 4.7.0 temporary failure", "cannot check logins", "few minutes"),
        ("sender", "530 5.7.0 Must issue a STARTTLS command first", "TLS first", '"starttls"'),
        ("sender", "530 5.7.57 Client was not authenticated", "wants a login", "username"),
        ("sender", "550 5.7.1 not you", "does not let us send", "SPF"),
        ("sender", "553 5.1.8 domain of sender does not exist", "does not exist", "[mail] sender"),
        ("sender", "550 5.7.23 SPF validation failed", "nothing proves", "SPF"),
        ("recipient", "451 4.7.1 try later", "greylisted", "quarter of an hour"),
        ("recipient", "450 4.2.0 Greylisted, see our page", "greylisted", "quarter of an hour"),
        ("recipient", "452 4.2.2 over quota", "full", "make room"),
        ("recipient", "450 4.1.8 sender domain not found", "does not trust", "SPF"),
        ("recipient", "451 4.3.0 come back", "cannot take it now", "quarter of an hour"),
        ("recipient", "554 5.7.1 Relay access denied", "passes on no mail", "username"),
        ("recipient", "550 5.1.1 no such user", "no such address", "spelling"),
        ("recipient", "550 no such user here", "no such address", "spelling"),
        ("recipient", "550 5.2.1 disabled", "shut", "another address"),
        ("recipient", "552 5.2.2 full", "full", "make room"),
        ("recipient", "554 5.7.1 blocked by mx-relay.example.net", "a rule of its own", "blocklists"),
        ("content", "552 5.3.4 message too big", "too large", "100 kB"),
        ("content", "554 5.6.0 bad content", "did not like what is in it", "another mailbox"),
        ("content", "554 rejected", "did not like what is in it", "another mailbox"),
        ("content", "550 5.7.26 the sender is unauthenticated", "nothing proves", "DKIM"),
        ("content", "550 5.7.515 Access denied", "nothing proves", "DMARC"),
        ("content", "550 5.7.25 no PTR record", "no name of its own", "PTR"),
        ("content", "421 4.7.28 unusual rate", "too much at once", "connections lower"),
        ("content", "250 what?", "no answer that belongs here", "host and port"),
    ],
)
def test_a_refusal_is_explained_by_step_and_words(step: Step, reply: str, means: str, advice: str) -> None:
    code, _, text = reply.partition(" ")
    found = of_a_reply(step, int(code), text)
    assert means in found.means
    assert advice in found.advice


@given(st.sampled_from(STEPS), st.integers(0, 999), st.text(max_size=200))
def test_every_reply_has_a_meaning_and_an_advice_of_one_line(step: Step, code: int, text: str) -> None:
    found = of_a_reply(step, code, text)
    for words in (found.means, found.advice):
        assert words
        assert not words.endswith((".", " "))
        assert "\n" not in words


def test_every_refusal_of_4xx_says_to_come_back_and_none_of_5xx_does() -> None:
    for step in STEPS[2:]:
        assert "again" in of_a_reply(step, 450, "x").advice or "minutes" in of_a_reply(step, 450, "x").advice
        assert "quarter" not in of_a_reply(step, 550, "x").advice


def test_every_trouble_has_a_meaning_of_its_own() -> None:
    troubles: list[Trouble] = list(get_args(Trouble))
    assert len({of_trouble(one).means for one in [None, *troubles]}) == len(troubles) + 1
