"""A page of bioRxiv or medRxiv: every record a version of a paper, or skipped with its place."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources.biorxiv import Page, Server, clean_abstract, parse_page
from tests.factories import DAY, paper
from tests.fakes.biorxiv import record
from tests.sources.json_values import anything


def parsed(*records: Any, server: Server = "biorxiv", **message: Any) -> Page:
    answer = {"messages": [{"status": "ok", "total": "2"} | message], "collection": records}
    return parse_page(json.dumps(answer).encode(), server=server)


def one(**changes: Any) -> Paper:
    page = parsed(record(**changes))
    assert page.skipped == ()
    return page.records[0].paper


def test_a_record_is_a_paper() -> None:
    assert one() == paper(
        id="doi:10.1101/2025.05.20.000001",
        title="Sleep of bees, part 1",
        abstract="Bees sleep at night. Part 1 counts for how long.",
        authors=("A. B. Quill", "B. Vane"),
        categories=("neuroscience",),
        announced=DAY,
        url="https://www.biorxiv.org/content/10.1101/2025.05.20.000001v1",
        doi="10.1101/2025.05.20.000001",
    )


def test_a_paper_of_medrxiv_leads_there() -> None:
    page = parsed(record(), server="medrxiv")
    assert page.records[0].paper.url == "https://www.medrxiv.org/content/10.1101/2025.05.20.000001v1"


@pytest.mark.parametrize("doi", ["10.64898/2026.01.02.123456", "10.1101/2025.05.20.ABC", "https://doi.org/10.1101/1"])
def test_the_id_is_the_doi_in_its_one_form(doi: str) -> None:
    assert one(doi=doi).id == "doi:" + doi.removeprefix("https://doi.org/").lower()


@pytest.mark.parametrize(
    ("published", "doi"),
    [
        ("NA", "10.1101/1"),
        ("", "10.1101/1"),
        (None, "10.1101/1"),
        ("soon", "10.1101/1"),
        ("10.1101/1", "10.1101/1"),
        ("10.1038/S41586-1", "10.1101/1, 10.1038/s41586-1"),
    ],
)
def test_the_doi_of_the_journal_is_named_too(published: object, doi: str) -> None:
    assert one(doi="10.1101/1", published=published).doi == doi


@pytest.mark.parametrize("day", ["2025-05-07", "2025-5-7", "2025-05-07T23:30:00-05:00", " 2025-5-07 00:00"])
def test_days_are_read_however_they_are_written(day: str) -> None:
    assert one(date=day).announced == date(2025, 5, 7)


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ("Quill, A. B.; Vane, B.", ("A. B. Quill", "B. Vane")),
        ("Quill, A.;", ("A. Quill",)),
        ("The Bee Consortium; van der Vane, B.", ("The Bee Consortium", "B. van der Vane")),
        ("Quill, A., Jr.", ("A. Quill Jr.",)),
        (" ; ,", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_authors_have_their_given_names_first(stated: object, names: tuple[str, ...]) -> None:
    assert one(authors=stated).authors == names


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("Bees\n sleep.", "Bees sleep."),
        ("O_SCPCAPDC_SCPCAP-serine wakes <i>Apis mellifera</i>.", "D-serine wakes Apis mellifera."),
        ("Bees:O_LIsleep at nightC_LIO_LIwakeC_LI", "Bees: sleep at night wake"),
        ("O_ST_ABSBackgroundC_ST_ABSBees sleep.", "Background: Bees sleep."),
        ("O_ST_ABSBackground:C_ST_ABS Bees sleep.", "Background: Bees sleep."),
        (
            "BackgroundBees sleep.MethodsWe count. RESULTSThey do.",
            "Background: Bees sleep. Methods: We count. RESULTS: They do.",
        ),
        ("Materials and MethodsA net was used.", "Materials and Methods: A net was used."),
        ("The Methods section and BackgroundNoise", "The Methods section and Background: Noise"),
        ('We sleep. O_FIG O_LINKSMALLFIG SRC="f.gif" ALT="F 1"> View C_FIG It helps.', "We sleep. It helps."),
        ("With p < 0.05 &amp; more", "With p < 0.05 & more"),
        ("Results are shown; methods too.", "Results are shown; methods too."),
        ("half \ud83d a character", "half a character"),
    ],
)
def test_an_abstract_is_plain_text_without_what_the_submission_system_left_in_it(sent: str, clean: str) -> None:
    assert clean_abstract(sent) == clean


def test_markup_in_a_title_is_taken_out() -> None:
    assert one(title="Sleep of <i>Apis</i>\n &amp; others \ud83d").title == "Sleep of Apis & others"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (None, "not an object"),
        (record(doi=None), "doi '' is none"),
        (record(doi="soon"), "doi 'soon' is none"),
        (record(doi="10.1101/\ud83d"), "doi '10.1101/\\ud83d' is none"),
        (record(version="first"), "10.1101/2025.05.20.000001: its version is no number from 1"),
        (record(version="0"), "10.1101/2025.05.20.000001: its version is no number from 1"),
        (record(title="<p> </p>"), "10.1101/2025.05.20.000001: no title"),
        (record(date="2025-13-1"), "10.1101/2025.05.20.000001: date '2025-13-1' is not a day"),
        (record(date="May 2025"), "10.1101/2025.05.20.000001: date 'May 2025' is not a day"),
    ],
)
def test_a_broken_record_is_skipped_and_the_others_are_taken(entry: object, problem: str) -> None:
    page = parsed(record(2), entry, record(3))
    assert [one.paper.title[-1] for one in page.records] == ["2", "3"]
    assert [(one.place, one.problem) for one in page.skipped] == [("biorxiv, record 2", problem)]
    assert page.received == 3


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "not JSON"),
        (b"<html></html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "an answer without a message"),
        (b'{"messages": []}', "an answer without a message"),
        (b'{"messages": [{}]}', "the service says: no status"),
        (b'{"messages": [{"status": "Error: too\\nbusy"}]}', "the service says: Error: too busy"),
        (b'{"messages": [{"status": "ok"}]}', "no collection of records"),
    ],
)
def test_what_is_no_page_is_a_format_error_that_says_why(body: bytes, problem: str) -> None:
    with pytest.raises(SourceFormatError, match=f"medrxiv: {problem}"):
        parse_page(body, server="medrxiv")


@pytest.mark.parametrize(("sent", "total"), [("45", 45), (45, 45), (None, None), ("many", None), (True, None)])
def test_the_total_is_a_number_or_text(sent: object, total: int | None) -> None:
    assert parsed(total=sent).total == total


def test_bytes_that_are_not_utf8_cost_one_record() -> None:
    body = json.dumps({"messages": [{"status": "ok"}], "collection": [record(1), record(2, title="Wasp"), record(3)]})
    page = parse_page(body.encode().replace(b"Wasp", b"W\xff\xfep"), server="biorxiv")
    assert [one.paper.title[-1] for one in page.records] == ["1", "3"]
    assert [one.problem for one in page.skipped] == ["not UTF-8"]


@given(st.binary(max_size=200))
def test_any_bytes_are_papers_or_a_format_error(body: bytes) -> None:
    try:
        parse_page(body, server="biorxiv")
    except SourceFormatError:
        return


@given(st.sampled_from(sorted(record())), anything)
def test_any_value_of_a_field_leaves_the_other_records_alone(name: str, value: object) -> None:
    page = parsed(record(1) | {name: value}, record(2))
    assert "doi:10.1101/2025.05.20.000002" in [one.paper.id for one in page.records]
    assert all(one.paper.title and one.paper.url.isascii() for one in page.records)


def test_an_abstract_of_nothing_but_marks_takes_no_time() -> None:
    begun = time.monotonic()
    clean_abstract("O_FIG" * 160_000 + "O_TBL x" * 40_000)
    # Quadratic time would be more than a minute.
    assert time.monotonic() - begun < 20


@given(st.text(st.sampled_from("OCM_SPALIFGT<>&;B\ud83d "), max_size=60))
def test_any_abstract_becomes_one_line(text: str) -> None:
    clean = clean_abstract(text)
    assert clean == " ".join(clean.split())
