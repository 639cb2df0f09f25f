"""Mail addresses as people type them, in the form that is stored and mailed."""

from __future__ import annotations

from digestbot.errors import UsageError


def valid_address(text: str) -> str:
    """Return a mail address in the form that is stored and mailed: its domain in ASCII."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(
            text, allow_smtputf8=False, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        raise UsageError(f"{text!r} is not a mail address: {error}") from error
    return found.ascii_email or found.normalized


def stored_form(text: str) -> str:
    """Return the form under which an address is to be looked for; what is no address stays as it is."""
    if text.isascii():
        return text
    try:
        return valid_address(text)
    except UsageError:
        return text
