"""What a refusal comes to, when the provider and the server that refused do not say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import Bounce, BounceKind
from digestbot.web.webhooks.events import OurFault
from digestbot.web.webhooks.refusals import refused


def verdict(kind: BounceKind, status: str, text: str = "") -> Bounce | OurFault:
    return refused(kind, address="ada@example.org", status=status, text=text, message_id="")


@pytest.mark.parametrize("status", ["5.7.1", "5.7.515", "4.7.0", "5.1.8"])
@pytest.mark.parametrize("kind", [BounceKind.HARD, BounceKind.SOFT])
def test_what_is_about_us_is_nobodys_bounce(kind: BounceKind, status: str) -> None:
    assert verdict(kind, status) == OurFault(text=status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("5.1.1", "hard"), ("5.1.10", "hard"), ("", "hard"), ("5.2.2", "soft"), ("5.4.4", "soft"), ("4.2.1", "soft")],
)
def test_what_may_pass_is_no_hard_bounce(status: str, kind: str) -> None:
    found = verdict(BounceKind.HARD, status)
    assert isinstance(found, Bounce)
    assert (found.kind, found.status) == (kind, status)


@given(status=st.from_regex(r"[45]\.\d{1,3}\.\d{1,3}", fullmatch=True), text=st.text(max_size=30))
def test_no_code_makes_a_soft_bounce_hard_or_a_complaint_anything_else(status: str, text: str) -> None:
    found = verdict(BounceKind.SOFT, status, text)
    assert isinstance(found, OurFault) or found.kind == BounceKind.SOFT
    complaint = verdict(BounceKind.COMPLAINT, status, text)
    assert isinstance(complaint, Bounce)
    assert complaint.kind == BounceKind.COMPLAINT
