"""What a mail says of a mail of ours."""

from __future__ import annotations

from dataclasses import dataclass

from digestbot.mail.verdicts import Verdict
from digestbot.models import BounceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one mail reports; ``kind`` is ``None`` when it counts against nobody, and ``meaning`` says what it is.

    ``address`` is the one that it names, ``status`` the code of RFC 3463, ``text`` what the server said and
    ``message_id`` that of our mail; each is empty when the report does not say. ``carried`` are addresses in the mail
    that was brought back: there our signed ones stand.
    """

    kind: BounceKind | None
    meaning: str
    address: str = ""
    status: str = ""
    text: str = ""
    message_id: str = ""
    carried: tuple[str, ...] = ()


def meaning(verdict: Verdict) -> str:
    """Return a verdict in words."""
    code = f" ({verdict.status})" if verdict.status else ""
    match verdict.kind:
        case BounceKind.HARD:
            return f"a lasting failure{code}"
        case BounceKind.SOFT:
            return f"a failure that may pass{code}"
        case _:
            return f"a refusal of us{code}, not of the reader"
