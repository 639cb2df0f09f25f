"""XML from strangers: what is none is refused, what could reach out is refused, one bad byte costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.sources.xml import root_of
from tests.fakes.server import Answer, serving, xml_bomb
from tests.fakes.site import Site


@pytest.fixture
def watched() -> Iterator[Site]:
    with serving(Site()) as served:
        yield served


def refused(body: bytes) -> str:
    with pytest.raises(SourceFormatError) as caught:
        root_of(body, "feed")
    assert str(caught.value).startswith("feed: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        "<a>über &amp; &#x1F989;</a>".encode(),
        "\ufeff<a>über &amp; 🦉</a>".encode(),
        '<?xml version="1.0" encoding="UTF-16"?><a>über &amp; 🦉</a>'.encode("utf-16"),
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>über &amp; &#x1F989;</a>'.encode("latin-1"),
    ],
)
def test_a_page_is_read_in_the_encoding_it_says(body: bytes) -> None:
    assert root_of(body, "feed").text == "über & 🦉"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<a>one \xff two</a>", "one \ufffd two"),
        (b'<?xml version="1.0" encoding="utf-8"?>\n<a>caf\xc3</a>', "caf\ufffd"),
        (b"<a>one\x00\x0b two</a>", "one two"),
        (b"<a>one&#0;&#x1F;&#08;&#31;&#x9; two</a>", "one\t two"),
        ("<a>one\uffff two</a>".encode(), "one two"),
        (b"<a>one \xed\xa0\x80 two</a>", "one \ufffd\ufffd\ufffd two"),
    ],
)
def test_one_bad_byte_does_not_cost_the_page(body: bytes, text: str) -> None:
    assert root_of(body, "feed").text == text


def test_text_in_another_encoding_is_not_mended_into_something_else() -> None:
    refused('<?xml version="1.0" encoding="UTF-16"?><a>über'.encode("utf-16"))
    refused(b'<?xml version="1.0" encoding="shift_jis"?><a>\x81\xff\xff</a>')


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"\0", b"plain text", b"<a>", b"<a></b>", b"{}", b"<a/><b/>", b"<!-- only -->"),
        *(b"<" * 100_000, b"<a>" * 100_000 + b"</a>" * 100_000),
    ],
)
def test_what_is_no_xml_is_refused(body: bytes) -> None:
    assert "is no XML" in refused(body)


def test_a_maintenance_page_is_no_xml() -> None:
    refused(b"<!DOCTYPE html><html><head><title>Back soon</title><body><p>We are at work.<br></body></html>")


@pytest.mark.parametrize("subset", ["", ' SYSTEM "x.dtd"', " [<!ENTITY e 'x'>]", ' PUBLIC "-//W3C//DTD" "http://[/"'])
def test_a_document_type_is_refused(subset: str) -> None:
    assert "has a document type" in refused(f"<!DOCTYPE a{subset}><a/>".encode())
    assert "has a document type" in refused(f"<!DOCTYPE a{subset}><a>\udcff</a>".encode("utf-8", "surrogateescape"))


def test_a_bomb_of_entities_is_refused() -> None:
    refused(xml_bomb(Answer()).body)
    inside = xml_bomb(Answer()).body.replace(b"<feed>&e9;</feed>", b'<feed title="&e9;"/>')
    assert len(inside) != len(xml_bomb(Answer()).body)
    refused(inside)


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "{}">]><a>&e;</a>',
        '<!DOCTYPE a [<!ENTITY % e SYSTEM "{}"> %e;]><a/>',
        '<!DOCTYPE a SYSTEM "{}"><a>&e;</a>',
    ],
)
def test_what_points_elsewhere_is_refused_and_not_asked_for(watched: Site, tmp_path: Path, body: str) -> None:
    (tmp_path / "secret").write_text("<!ENTITY e 'the secret'>")
    for elsewhere in (f"{watched.url}/", (tmp_path / "secret").as_uri(), str(tmp_path / "secret")):
        assert "the secret" not in refused(body.format(elsewhere).encode())
    assert watched.asked == []


PIECES = st.sampled_from(
    [
        *(
            b"<a>",
            b"</a>",
            b"<a b='",
            b"'/>",
            b"<!DOCTYPE a [",
            b"<!ENTITY e 'x'>",
            b"]>",
            b"&e;",
            b"&#0;",
            b"<![CDATA[",
        ),
        *(b"<?xml version='1.0' encoding='utf-8'?>", b"\xff", b"\xfe", b"\0", b"\xef\xbb\xbf", b"<!--", b"-->", b" "),
    ]
)


@given(st.binary(max_size=100) | st.lists(PIECES | st.binary(max_size=3), max_size=12).map(b"".join))
@example(b"<?xml version='1.0' encoding='nonsense'?><a/>")
@example(b"<?xml version='9.0'?><a/>")
def test_any_bytes_are_an_element_or_a_format_error(body: bytes) -> None:
    try:
        root = root_of(body, "feed")
    except SourceFormatError:
        return
    assert isinstance(root.tag, str)
