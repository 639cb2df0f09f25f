"""Bibliographies that are broken, hostile or none: what can be read is read, and the rest is told."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.sources import Skipped, bibtex, csl, ris
from digestbot.sources.text import one_line
from tests.sources.bibliography_texts import Parse, papers, parsed, skipped


@pytest.mark.parametrize(
    "written",
    [
        "\\article{key,\n title={Owls}, year=2020}",
        "@article{key\n title={Owls}, year=2020}",
        "@article{title={Owls}, year=2020}",
        "@article{key,\n title={Owls}\n year=2020\n}",
        '@article{key,\n title="Owls"\n year={2020}\n author="A"\n}',
        "@article{key,\n\ttitle\t=\t{{Owls}},\n\tyear\t=\t{2020},\n}",
        "@ARTICLE(key, TITLE = {Owls}, YEAR = 2020)",
        "@article{key, title={Owls}, title={Cats}, year={2020}}",
        '@string{o = "Ow"}@string{p = o # "ls"}@article{key, title = P, year = 2020}',
        "\ufeff@article{key,\r\n title={Owls},\r\n year={2020},\r\n}\r\n",
    ],
)
def test_broken_heads_and_missing_commas_do_not_matter(written: str) -> None:
    [found] = papers(bibtex.parse, written)
    assert (found.title, found.announced) == ("Owls", date(2020, 12, 31))


def test_one_broken_entry_is_skipped_with_its_line_and_the_rest_is_taken() -> None:
    content = (
        "@article{a, title={One}}\n@article{b,\n title={Two\n\n@article{c, year=2020}\n@article{a, title={Four}}\n"
    )
    assert [found.title for found in papers(bibtex.parse, content)] == ["One", "Four"]
    [(unclosed, not_bibtex), (untitled, no_title)] = skipped(bibtex.parse, content)
    assert (unclosed, untitled) == ("x, line 2", "x, line 5")
    assert not_bibtex == "not BibTeX: the next entry begins before this one is closed"
    assert no_title == "no title"


def test_strings_comments_and_preambles_are_no_papers() -> None:
    content = '@string{a = "b"}\n@string{a = "c"}\n@preamble{"x"}\n@comment{x}\n@control{y}\nwords @ x\n'
    assert parsed(bibtex.parse, content) == []


def test_records_without_end_and_broken_ones_do_not_spoil_the_others() -> None:
    content = "TY  - JOUR\nTI  - One\nTY  - JOUR\nTI  - \nER  -\n\nTY  - JOUR\n  TI  - Three\n"
    assert [found.title for found in papers(ris.parse, content)] == ["One", "Three"]
    assert skipped(ris.parse, content) == [("x, line 3", "no title")]


@pytest.mark.parametrize("head", ["1. TY  - JOUR", "12.  TY  - JOUR", "ty  - JOUR"])
def test_records_may_be_numbered_on_their_first_line_and_tags_be_small(head: str) -> None:
    content = (
        f"TY  - JOUR\nTI  - One\nER  - \n{head}\nti  - Two\nau  - Quill, Ada\nab  - Where it\nis - by night.\ner  - \n"
    )
    assert [(found.title, found.authors, found.abstract) for found in papers(ris.parse, content)] == [
        ("One", (), ""),
        ("Two", ("Ada Quill",), "Where it is - by night."),
    ]
    assert skipped(ris.parse, content) == []


def test_lines_outside_of_records_are_told_once() -> None:
    content = "1.\nTY  - JOUR\nTI  - One\nER  - \nER  - \n\nTI  - Lost\nAU  - Quill, Ada\n2.\nTY  - JOUR\nTI  - Two\nER  - \nx\n"
    assert [found.title for found in papers(ris.parse, content)] == ["One", "Two"]
    [(place, problem)] = skipped(ris.parse, content)
    assert place == "x, line 7"
    assert problem.startswith("3 lines, this one first, belong to no record")


def test_values_of_ris_may_take_several_lines_and_either_tag() -> None:
    content = "1.\rTY  - JOUR\rT1  - Owls\rat night\rA1  - Quill, Ada\rA1  - Vane, Bela\rN2  - Two\r lines.\rER  - \r"
    [found] = papers(ris.parse, content)
    assert (found.title, found.abstract, found.authors) == ("Owls at night", "Two lines.", ("Ada Quill", "Bela Vane"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("FN Clarivate\nVR 1.0\nPT J\nAF Quill, Ada\nER\n", "Web of Science export; export it again as RIS"),
        ("%0 Journal Article\n%T Owls\n", "EndNote export"),
        ("PMID- 123\nTI  - Owls\n", "PubMed export"),
        ("<html>maintenance</html>", "has no line 'TY  - '"),
    ],
)
def test_what_is_no_ris_says_what_to_do(content: str, said: str) -> None:
    with pytest.raises(SourceFormatError, match=said):
        parsed(ris.parse, content)


@pytest.mark.parametrize(
    ("parse", "content", "said"),
    [
        (bibtex.parse, "<html>maintenance</html>", "is no BibTeX"),
        (bibtex.parse, "@a{" * 100_001, "more than 100,000 entries"),
        (csl.parse, "[" * 100_000, "not JSON"),
        (csl.parse, b'[{"title": "\xff"}]', "not JSON"),
        (csl.parse, "[" + "0," * 100_000 + "0]", "more than 100,000 entries"),
        (csl.parse, "7", "not a list of entries"),
        (csl.parse, '{"items": {}}', "not a list of entries"),
    ],
)
def test_what_is_no_bibliography_says_so(parse: Parse, content: str | bytes, said: str) -> None:
    with pytest.raises(SourceFormatError, match=said):
        parsed(parse, content)


def test_broken_entries_of_csl_are_skipped_with_their_number() -> None:
    content = json.dumps([7, {"title": ["Owls"]}, {"title": {"a": 1}}, {"title": "B", "author": "Quill"}, {}])
    assert [found.title for found in papers(csl.parse, content)] == ["Owls"]
    assert skipped(csl.parse, content) == [
        ("x, entry 1", "not a JSON object"),
        ("x, entry 3", "title is not text"),
        ("x, entry 4", "author is not a list of names"),
        ("x, entry 5", "no title"),
    ]
    assert [found.title for found in papers(csl.parse, '{"items": [{"title": "A"}]}')] == ["A"]
    assert [found.title for found in papers(csl.parse, '{"title": "A"}')] == ["A"]


@pytest.mark.parametrize("parse", [bibtex.parse, ris.parse, csl.parse])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \r\n\t"])
def test_an_empty_bibliography_has_no_papers(parse: Parse, content: bytes) -> None:
    assert parsed(parse, content) == []


def test_an_entry_in_another_encoding_is_skipped_and_told() -> None:
    content = "@misc{a, title={Größe}}\n".encode("latin-1") + "@misc{b, title={Größe}}\n".encode()
    assert [found.title for found in papers(bibtex.parse, content)] == ["Größe"]
    assert skipped(bibtex.parse, content) == [("x, line 1", "not UTF-8; save the file as UTF-8")]
    assert skipped(ris.parse, b"TY  - JOUR\nTI  - Gr\xf6\xdfe\nER  - ")[0][1].startswith("not UTF-8")


def test_an_entry_of_more_than_a_million_characters_is_refused() -> None:
    content = f"@misc{{a, title={{{'x' * 1_000_000}}}}}\n@misc{{b, title={{B}}}}"
    assert [found.title for found in papers(bibtex.parse, content)] == ["B"]
    assert skipped(bibtex.parse, content) == [("x, line 1", "longer than 1,000,000 characters")]


def test_strings_made_of_strings_do_not_grow_without_end() -> None:
    content = '@string{a0 = "xxxxxxxxxx"}\n' + "".join(
        f"@string{{a{number + 1} = {' # '.join([f'a{number}'] * 10)}}}\n" for number in range(20)
    )
    [found] = papers(bibtex.parse, f"{content}@misc{{b, title = {' # '.join(['a20'] * 1_000)}}}")
    assert len(found.title) < 1_100_000


@pytest.mark.parametrize(
    ("parse", "content"),
    [
        (bibtex.parse, "@misc{a, title={b}, author={" + "{" * 40_000 + "}" * 40_000 + "}}"),
        (bibtex.parse, "@misc{a, title={b}, abstract={</p>" + "<p " * 50_000 + "}}"),
        (bibtex.parse, "@misc{a, title={" + "\\'{" * 100_000),
        (bibtex.parse, "@misc{a, title={b}, abstract={" + "$ \\" * 100_000 + "}}"),
        (bibtex.parse, "@misc{a, title={b}, note={" + "arxiv:a" * 65_000 + "}}"),
        (bibtex.parse, "@misc{a, title={b}" + " " * 200_000 + "year=2020}"),
        (bibtex.parse, "@misc{a" + " " * 200_000 + "}"),
        (ris.parse, "TY  - JOUR\nAB  - x\n" + "y\n" * 200_000),
        (ris.parse, "TY  - JOUR\n" + " " * 450_000 + "\n"),
        (csl.parse, '[{"title": "</p>' + "<p " * 50_000 + '"}]'),
    ],
)
def test_a_hostile_entry_takes_no_more_time_than_its_length(parse: Parse, content: str) -> None:
    started = time.process_time()
    parsed(parse, content)
    # Quadratic time would be many seconds.
    assert time.process_time() - started < 20


signs = st.text(st.sampled_from(list('@\\{}()",=#$%~<>&;-[] \n\r\tabTYERU01:./é')), max_size=80)
bib_texts = st.lists(
    st.sampled_from(["@article{", "@string{", "@comment(", "a,", "title=", "{x}", '"y"', "author", " and ", "\n", "}"])
    | signs,
    max_size=12,
).map("".join)
ris_texts = st.lists(
    st.tuples(st.sampled_from(["TY", "TI", "AU", "PY", "DO", "UR", "AB", "ER", "1."]), signs).map("  - ".join)
).map("\n".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | signs,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(signs, inner, max_size=3),
    max_leaves=5,
)
csl_entries = st.dictionaries(
    st.sampled_from(["title", "author", "issued", "DOI", "URL", "number", "note", "archive", "abstract"]),
    values | signs,
)
csl_texts = st.lists(csl_entries | values, max_size=3).map(json.dumps)


def check_law(parse: Parse, content: bytes) -> None:
    try:
        found = parsed(parse, content)
    except SourceFormatError:
        return
    for one in found:
        if isinstance(one, Skipped):
            assert one.place
            assert len(one.problem) < 500
            continue
        for text in (one.id, one.title, one.abstract, one.url, one.doi, *one.authors, *one.categories):
            text.encode("utf-8")
            assert text == one_line(text)
        assert one.title
        assert ":" in one.id
        assert " " not in one.id
        assert one.url == "" or one.url.startswith(("https://", "http://"))


@settings(deadline=None)
@given(st.binary(max_size=100) | bib_texts.map(str.encode))
@example(b"@a{b,title={\\'")
@example(b"@a{b,title={c}},@a{")
@example(b"@{=}")
def test_any_bytes_as_bibtex_are_papers_or_a_format_error(content: bytes) -> None:
    check_law(bibtex.parse, content)


@settings(deadline=None)
@given(st.binary(max_size=100) | ris_texts.map(str.encode))
@example(b"TY  - \nTI  - \xff")
@example(b"TY  - \nTI  - a\nDO  - 10.1234/\x00a\nPY  - 9999/99/99")
def test_any_bytes_as_ris_are_papers_or_a_format_error(content: bytes) -> None:
    check_law(ris.parse, content)


@settings(deadline=None)
@given(st.binary(max_size=100) | csl_texts.map(str.encode))
@example(b'[{"title": "\\ud800x", "issued": {"date-parts": [[99999999999999999999, -1]]}}]')
def test_any_bytes_as_csl_are_papers_or_a_format_error(content: bytes) -> None:
    check_law(csl.parse, content)
