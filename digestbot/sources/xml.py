"""XML from strangers: no entities, no document type, no network, and one bad byte does not cost the page."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from digestbot.errors import SourceFormatError
from digestbot.sources.text import NOT_IN_XML

# What XML 1.0 does not allow by number either (section 4.1).
_NUMBERED = re.compile(r"&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE)
_DECLARATION = re.compile(r"\A\ufeff?<\?xml\s[^>]{0,200}\?>")
_OTHER_ENCODING = re.compile(
    rb"\A.{0,3}<\?xml\s[^>]{0,200}encoding\s*=\s*[\"'](?!utf-?8[\"'])", re.IGNORECASE | re.DOTALL
)


def root_of(body: bytes, name: str) -> Any:
    """Return the root element of a page; ``name`` is what errors call it.

    UTF-8 with a byte that is none, or with a character that XML does not allow, is read without it. Raises
    ``SourceFormatError`` for what is no XML, and for what has a document type: no source needs one, and entities
    are declared there.
    """
    try:
        root = _parsed(body)
    except etree.LxmlError as error:
        mended = _mended(body)
        if mended is None:
            raise SourceFormatError(f"{name}: is no XML: {_reason(error)}") from error
        try:
            root = _parsed(mended)
        except etree.LxmlError:
            raise SourceFormatError(f"{name}: is no XML: {_reason(error)}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SourceFormatError(f"{name}: has a document type, which no source needs")
    return root


def _parsed(body: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    return etree.fromstring(body, parser)


def _mended(body: bytes) -> bytes | None:
    """Return the page without what no parser takes, ``None`` when it is said to be something else than UTF-8."""
    if b"\0" in body[:4] or _OTHER_ENCODING.match(body[:300]):
        return None
    text = body.decode("utf-8", errors="replace")
    return _NUMBERED.sub("", NOT_IN_XML.sub("", _DECLARATION.sub("", text, count=1))).encode()


def _reason(error: etree.LxmlError) -> str:
    return " ".join(str(error).split())[:200] or "it is empty"
