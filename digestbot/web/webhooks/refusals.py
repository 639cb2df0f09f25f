"""What a refusal means for the reader: the provider's opinion, softened where the server's own words say less. Pure."""

from __future__ import annotations

from digestbot.mail.verdicts import judge, status_in
from digestbot.models import Bounce, BounceKind
from digestbot.web.webhooks.events import OurFault


def refused(kind: BounceKind, *, address: str, status: str, text: str, message_id: str) -> Bounce | OurFault:
    """Return what a refusal comes to that the provider takes for ``kind``: that at most, or our own fault."""
    if kind == BounceKind.COMPLAINT:
        # The reader's own word, whatever a server said.
        return Bounce(kind=kind, address=address, status=status_in(status), text=text, message_id=message_id)
    verdict = judge(status, text, otherwise=kind)
    if verdict.kind is None:
        return OurFault(text=verdict.text or verdict.status)
    # A provider sees more than one answer: what it takes for passing is so.
    kind = verdict.kind if kind == BounceKind.HARD else kind
    return Bounce(kind=kind, address=address, status=verdict.status, text=verdict.text, message_id=message_id)
