"""What a server's refusal means: about the mail, the address, the mailbox, or us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    FullMailboxError,
    GreylistedError,
    RefusedError,
    RejectedError,
    SenderRefusedError,
    ServerBusyError,
)
from digestbot.mail.replies import refusal
from digestbot.mail.verdicts import judge
from digestbot.models import BounceKind


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (421, "4.7.28 too many mails from your network", ServerBusyError),
        (421, "", ServerBusyError),
        (450, "4.2.1 try again", DeferredError),
        (451, "4.7.1 Greylisting in action, please come back later", GreylistedError),
        (450, "4.2.0 <ada@example.org>: Recipient address rejected: Greylisted", GreylistedError),
        (451, "grey-listed: retry in 300 seconds", GreylistedError),
        (452, "4.3.1 greylisting is not what this is", DeferredError),
        (452, "4.2.2 mailbox full", FullMailboxError),
        (550, "5.1.1 no such user", RefusedError),
        (550, "5.1.10 recipient not found", RefusedError),
        (550, "#5.1.0 Address rejected.", RefusedError),
        (553, "5.1.3 bad address syntax", RefusedError),
        (550, "No such user here", RefusedError),
        (550, "Requested action not taken: mailbox unavailable", RefusedError),
        (550, "User unknown in virtual mailbox table", RefusedError),
        (551, "That account has been disabled", RefusedError),
        (550, "<ada@example.org>: the recipient does not exist", RefusedError),
        (552, "5.2.2 over quota", FullMailboxError),
        (552, "Mailbox full", FullMailboxError),
        (550, "user is over quota", FullMailboxError),
        (550, "5.7.26 unauthenticated mail", SenderRefusedError),
        (550, "5.7.515 access denied", SenderRefusedError),
        (554, "5.7.1 blocked", SenderRefusedError),
        (553, "5.1.8 sender domain unknown", SenderRefusedError),
        (550, "5.1.7 bad sender", SenderRefusedError),
        (530, "authentication required", SenderRefusedError),
        (535, "login refused", SenderRefusedError),
        (550, "relay not permitted", SenderRefusedError),
        (554, "Relay access denied", SenderRefusedError),
        (551, "User not local; we do not relay", SenderRefusedError),
        (552, "5.3.4 message too big", RejectedError),
        (554, "5.6.0 cannot be parsed", RejectedError),
        (554, "5.10.1 is no code of an address", RejectedError),
        (554, "no", RejectedError),
        (554, "", RejectedError),
        # A word that looks like it, in a refusal of another kind.
        (554, "unknown user agent", RejectedError),
        (554, "too many hops, a relay is in the loop", RejectedError),
        (550, "rejected: the quotation marks are unbalanced", RejectedError),
        # A code that says nothing leaves it to the words.
        (550, "5.5.0 Requested action not taken: mailbox unavailable", RefusedError),
        (550, "5.0.0 mailbox full", FullMailboxError),
        (550, "5.3.0 no such user", RejectedError),
        # Of several things that are said, the mildest for the reader counts.
        (550, "mailbox unavailable: your network is on our blocklist", RejectedError),
        (550, "user temporarily unavailable", RejectedError),
        (550, "the sending quota of your account is exceeded", SenderRefusedError),
    ],
)
def test_a_refusal_means_what_its_codes_say_and_without_codes_what_its_words_say(
    code: int, text: str, kind: type[DeliveryError]
) -> None:
    found = refusal(code, text)
    assert type(found) is kind
    assert (found.code, found.text) == (code, text)
    assert f"{code} {text}".strip() in str(found)


@given(st.integers(400, 599), st.text(max_size=200))
def test_whatever_a_server_says_only_a_5xx_suppresses_or_stops(code: int, text: str) -> None:
    found = refusal(code, text)
    assert isinstance(found, RefusedError | SenderRefusedError | RejectedError) <= (code >= 500)
    assert isinstance(found, DeferredError) <= (code < 500)


@pytest.mark.parametrize(
    "text",
    [
        "no such user",
        "5.1.1 nobody here",
        "5.0.0 user unknown",
        "mailbox full",
        "5.2.2 over quota",
        "relay not permitted",
        "5.7.1 go away",
        "5.1.8 bad sender",
        "the sending limit of your account is reached",
        "blocked as spam",
        "user temporarily unavailable",
        "5.3.4 message too big",
    ],
)
def test_a_refusal_means_the_same_at_once_and_when_it_comes_back(text: str) -> None:
    """What suppresses, counts and counts against nobody does so by either way; bounces count what may pass, too."""
    means: list[tuple[type[DeliveryError], BounceKind | None]] = [
        (RefusedError, BounceKind.HARD),
        (FullMailboxError, BounceKind.SOFT),
        (SenderRefusedError, None),
        (RejectedError, BounceKind.SOFT),
        (RejectedError, None),
    ]
    assert (type(refusal(550, text)), judge("", f"550 {text}").kind) in means
