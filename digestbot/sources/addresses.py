"""Addresses: which can be read, and how each may be shown to people."""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx2

from digestbot.sources.text import one_line

_HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_SECRET = re.compile(r"key(?!word)|token|secret|passw|pwd|auth(?!or)|sig|session|credential", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;#])([^=&;#]+)=([^&;#]*)")


def readable(url: str) -> httpx2.URL | None:
    """Return an address, which may be relative, ``None`` when it is none or its host or port can be none."""
    try:
        address = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return None
    if address.port is not None and not 0 < address.port < 65536:
        return None
    relative = not address.scheme and not address.raw_host
    return address if relative or _HOST.fullmatch(address.raw_host) else None


def shown(url: str) -> str:
    """Return an address as it may be shown: on one line, not endless, without what only its owner may know.

    That is the name and password before its host, and the value of every parameter that is called like a secret.
    """
    # Where an address cannot be read, whatever stands before the last @ may be a password.
    owner = r"//.*@" if readable(url) is None else r"//[^/?#]*@"
    public = re.sub(owner, "//", url, count=1, flags=re.DOTALL)
    return one_line(_PARAMETER.sub(_masked, public))[:500]


def _masked(parameter: re.Match[str]) -> str:
    before, name, _ = parameter.groups()
    return f"{before}{name}=..." if _SECRET.search(unquote(name)) else parameter[0]
