"""What one setting may be: a time, an address, a name. Each type says what is wrong with what it does not take."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from digestbot.errors import UsageError
from digestbot.models import canonical_days, parse_language, parse_time, zone

# RFC 1123 section 2.1, with the limits of RFC 1035 section 2.3.4.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DNS_NAME = rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*"
_NO_MAIL_ADDRESS = "is not a mail address; write name@example.org or Name <name@example.org>"
T = TypeVar("T")


def _valid_time(text: str) -> str:
    return _or_value_error(parse_time, text).strftime("%H:%M")


def _valid_zone(text: str) -> str:
    return str(_or_value_error(zone, text).key)


def _valid_days(text: str) -> str:
    return _or_value_error(canonical_days, text)


def _valid_language(text: str) -> str:
    return _or_value_error(parse_language, text)


def _or_value_error(function: Callable[[str], T], text: str) -> T:
    try:
        return function(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _valid_mailbox(text: str) -> str:
    name, address = parseaddr(text)
    try:
        Address(display_name=name, addr_spec=address)
    except Exception as error:
        raise ValueError(_NO_MAIL_ADDRESS) from error
    if not address.isascii():
        raise ValueError("needs an address in ASCII (a name like exämple.org in its xn-- form)")
    if "@" not in address or any(character in text for character in "\r\n\0"):
        raise ValueError(_NO_MAIL_ADDRESS)
    return text


def _valid_mailbox_or_none(text: str) -> str:
    return _valid_mailbox(text) if text else ""


def _valid_base_url(text: str) -> str:
    return _valid_url(text) if text else text


def _valid_url(text: str) -> str:
    if not text:
        raise ValueError("is empty; write its address, or leave the line out")
    if not text.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (or http:// on one machine)")
    # It stands in headers of mails as it is.
    problem = "is not a web address; write it in ASCII (a name like exämple.org in its xn-- form)"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(problem) from error
    if not text.isascii() or any(character in text for character in ' <>"\\') or not parts.hostname:
        raise ValueError(problem)
    if "@" in parts.netloc:
        raise ValueError("has a name or password in it; secrets do not belong here")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("has a port that cannot be; write one from 1 to 65535")
    return text.rstrip("/")


def _without_query(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("has a ? or # in it; write the address up to there: what is asked is put behind it")
    return text


def _arxiv_category(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z-]+(\.[A-Za-z-]+)?", text):
        raise ValueError('is no category of arXiv; write a list such as ["cs.CL", "cs.LG"]')
    return text


def _feed_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise ValueError("is no name; use small letters, digits and -, at most 40, and no - in front")
    return text


def _valid_domain_or_none(text: str) -> str:
    if text and not re.fullmatch(DNS_NAME, text):
        raise ValueError("is no domain; write one such as example.org (a name like exämple.org in its xn-- form)")
    return text


def _valid_domain_or_star(text: str) -> str:
    return text if text == "*" else _valid_domain_or_none(text or " ").lower()


def _valid_mailbox_name(text: str) -> str:
    # RFC 3501 section 5.1.3: whoever needs more can write the modified UTF-7 that their server shows.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("is no name of a mailbox; write it in ASCII, as the server does")
    return text


def _valid_username(text: str) -> str:
    # RFC 7617 section 2: the first colon ends the name.
    if not text or ":" in text:
        raise ValueError("is no name to log in with; use one without a colon")
    return text


def _valid_selector(text: str) -> str:
    if not re.fullmatch(DNS_NAME, text):
        raise ValueError("is no selector; use letters, digits and -, such as digestbot-2026")
    return text


def _true_false_or_auto(value: object) -> object:
    if value == "auto":
        return value
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError as error:
        raise ValueError('must be true, false or "auto"') from error


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("must be one line")
    return text


Line = Annotated[str, AfterValidator(_one_line)]

Time = Annotated[str, AfterValidator(_valid_time)]
Zone = Annotated[str, AfterValidator(_valid_zone)]
Days = Annotated[str, AfterValidator(_valid_days)]
Language = Annotated[str, AfterValidator(_valid_language)]

BaseUrl = Annotated[str, AfterValidator(_one_line), AfterValidator(_valid_base_url)]
Url = Annotated[str, AfterValidator(_one_line), AfterValidator(_valid_url)]
# A built-in service, which is asked by a query or a path of our own.
ServiceUrl = Annotated[Url, AfterValidator(_without_query)]
# Seconds between two requests to one host.
Pace = Annotated[float, Field(ge=0, le=3600)]
ArxivCategory = Annotated[str, AfterValidator(_arxiv_category)]
FeedName = Annotated[str, AfterValidator(_feed_name)]

Mailbox = Annotated[str, AfterValidator(_valid_mailbox)]
MailboxOrNone = Annotated[str, AfterValidator(_valid_mailbox_or_none)]
DomainOrNone = Annotated[str, AfterValidator(_valid_domain_or_none)]
DomainOrStar = Annotated[str, AfterValidator(_valid_domain_or_star)]
# A mailbox as IMAP has it, which holds mails.
MailboxName = Annotated[str, AfterValidator(_valid_mailbox_name)]
Username = Annotated[Line, AfterValidator(_valid_username)]
Selector = Annotated[str, AfterValidator(_valid_selector)]
TrueFalseOrAuto = Annotated[bool | Literal["auto"], BeforeValidator(_true_false_or_auto)]
