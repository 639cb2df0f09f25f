"""Two parsers that know nothing of each other take the same out of a mail."""

from __future__ import annotations

from base64 import b64encode
from email.headerregistry import Address

import pytest

from tests.judges.conftest import Judge
from tests.judges.mails import MAILS
from tests.mails import parsed, part

pytestmark = pytest.mark.xdist_group("judges")


@pytest.mark.parametrize("name", MAILS)
def test_postal_mime_and_the_standard_library_read_the_same(judge: Judge, mails: dict[str, bytes], name: str) -> None:
    theirs = judge("parse.mjs", {one: b64encode(mail).decode() for one, mail in mails.items()})[name]
    message = parsed(mails[name])
    sender = message["From"].addresses[0]
    assert theirs["from"] == {"name": "Paper Digest", "address": "digest@example.org"}
    assert sender == Address("Paper Digest", addr_spec="digest@example.org")
    assert theirs["subject"] == message["Subject"]
    for theirs_is, mime in (("text", "plain"), ("html", "html")):
        ours = part(message, mime).replace("\r\n", "\n")
        assert ours.strip()
        # It counts the line end before a boundary to the part, RFC 2046 section 5.1.1 to the boundary.
        assert theirs[theirs_is].replace("\r\n", "\n").removesuffix("\n") == ours
