"""What a dollar or a tilde means: mathematics or money, "about" or a blank. Pure."""

from __future__ import annotations

import re

MATHS_OWN = re.compile(r"[\\^_{}]")
_SINGLE_SIGN = re.compile(r"[A-Za-z]|[^A-Za-z]+")
_AMOUNT_IN_PROSE = re.compile(
    r"\d[\d.,]*[^\w.,]?[A-Za-z]*\W+(?:[A-Za-z]+\W+[A-Za-z]|(?:a|an|and|in|for|of|or|per|to|up|versus|vs)\b)"
)


def is_math(content: str, following: str) -> bool:
    """Return whether what two dollars enclose is mathematics, and not "$5 and $6"."""
    inner = content.strip()
    if not inner:
        return False
    is_amount = inner[0].isdigit()
    if content[-1].isspace() and (is_amount or not (content[0].isspace() or MATHS_OWN.search(inner))):
        return False
    if MATHS_OWN.search(inner):
        return True
    if content[0].isspace():
        return content[-1].isspace() and bool(_SINGLE_SIGN.fullmatch(inner))
    return not (is_amount and (following.isdigit() or _AMOUNT_IN_PROSE.match(inner)))


def means_about(before: str, after: str) -> bool:
    """Return whether a tilde is a sign, as in "~5 %", "0~9" and "A ~ B", and not a blank that does not break."""
    if before.isspace() or before in "([":
        shown = after.lstrip()[:1]
        return shown.isdigit() or shown in {"$", "."} or (before.isspace() and after[:1].isspace())
    return (before.isdigit() or before == "%") and after[:1].isdigit()
