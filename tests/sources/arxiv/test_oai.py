"""arXiv's OAI-PMH: pages, the days they tell, and lists of any number of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.errors import SourceError, SourceFormatError, SourceUnavailableError
from digestbot.models import Paper
from digestbot.sources.arxiv.oai import ExpiredTokenError, Page, Record, announced_on, harvest, parse_page
from digestbot.sources.client import Lane
from tests.factories import paper
from tests.fakes.arxiv import expired_token, record_with_broken_date, record_without_title
from tests.fakes.server import Answer, Request, Service, cut_off, maintenance, serving, xml_bomb
from tests.sources.arxiv.conftest import LAST, Installation, eastern

HEAD = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
REQUEST = '<request verb="ListRecords" set="cs:cs:LG" from="2026-06-08">http://oaipmh.arxiv.org/oai</request>'
ASKED_FOR = {"verb": "ListRecords", "set": "cs:cs:LG", "from": "2026-06-08"}
TOKEN = "<resumptionToken expires='2026-06-11T00:00:00Z'>verb%3DListRecords%26skip%3D2</resumptionToken>"
MONDAY, WEDNESDAY = date(2026, 6, 8), date(2026, 6, 10)


def record(identifier: str = "2606.00001", more: str = "", **changes: str) -> str:
    values = {
        "header": f"<header><identifier>oai:arXiv.org:{identifier}</identifier><datestamp>2026-06-10</datestamp></header>",
        "version": '<version version="v1"><date>Tue, 09 Jun 2026 16:30:00 GMT</date><size>9kb</size></version>',
        "title": "<title>Owls:\n  at dusk</title>",
        "authors": "<authors>Ada Quill (Ulm, Germany), Bela Vane and Cyra O'Dell</authors>",
        "categories": "<categories>cs.LG stat.ML cs.LG</categories>",
        "abstract": "<abstract>  We watch owls.\nThey watch us.\n</abstract>",
    } | changes
    header = values.pop("header")
    inner = f"<id>{identifier}</id>" + "".join(values.values()) + more
    raw = f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">{inner}</arXivRaw>'
    return f"<record>{header}<metadata>{raw}</metadata></record>"


def page(*records: str, token: str = "") -> bytes:
    return f"{HEAD}<ListRecords>{''.join(records)}{token}</ListRecords></OAI-PMH>".encode()


def error(code: str, text: str = "") -> bytes:
    return f'{HEAD}<error code="{code}">{text}</error></OAI-PMH>'.encode()


def only(body: bytes) -> Record:
    (found,) = parse_page(body).records
    return found


def test_a_record_is_a_paper_with_the_moments_of_its_versions() -> None:
    more = '<version version="v2"><date>Wed, 10 Jun 2026 01:02:03 GMT</date></version><doi>10.5555/owl</doi>'
    found = only(page(record(more=more + "<comments>12\n pages</comments>")))
    assert found.paper == Paper(
        id="arxiv:2606.00001",
        title="Owls: at dusk",
        abstract="We watch owls. They watch us.",
        authors=("Ada Quill", "Bela Vane", "Cyra O'Dell"),
        categories=("cs.LG", "stat.ML"),
        announced=WEDNESDAY,
        url="https://arxiv.org/abs/2606.00001",
        doi="10.5555/owl",
        comment="12 pages",
    )
    assert found.datestamp == WEDNESDAY
    assert found.versions == [
        datetime(2026, 6, 9, 16, 30, tzinfo=UTC),
        datetime(2026, 6, 10, 1, 2, 3, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("stated", "identifier"),
    [
        ("math/0309136", "arxiv:math/0309136"),
        ("math.GT/0309136", "arxiv:math/0309136"),
        ("0704.0001", "arxiv:0704.0001"),
    ],
)
def test_old_ids_are_read(stated: str, identifier: str) -> None:
    assert only(page(record(stated))).paper.id == identifier


def test_a_deleted_record_is_passed_over() -> None:
    deleted = "<record><header status='deleted'><identifier>oai:arXiv.org:2606.00009</identifier></header></record>"
    found = parse_page(page(deleted, record()))
    assert ([one.paper.id for one in found.records], found.skipped) == (["arxiv:2606.00001"], [])


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (record(title=""), "arxiv:2606.00001: no title"),
        (record(title="<title> \n </title>"), "arxiv:2606.00001: no title"),
        (record(version=""), "arxiv:2606.00001: a version without a date"),
        (
            record(version="<version><date>Mon, 32 Foo 20x6</date></version>"),
            "arxiv:2606.00001: a version without a date",
        ),
        (record(more="<version/>"), "arxiv:2606.00001: a version without a date"),
        (record(header="<header/>"), "arxiv:2606.00001: no datestamp"),
        (record(header="<header><datestamp>soon</datestamp></header>"), "arxiv:2606.00001: no datestamp"),
        (record("abc"), "id 'abc' is not arXiv's"),
        ("<record><header/></record>", "no arXivRaw metadata"),
        ("<record/>", "no arXivRaw metadata"),
    ],
)
def test_a_broken_record_is_skipped_with_its_place_and_the_others_are_taken(broken: str, problem: str) -> None:
    found = parse_page(page(record("2606.00007"), broken, record("2606.00008")))
    assert [one.paper.id for one in found.records] == ["arxiv:2606.00007", "arxiv:2606.00008"]
    assert [(one.place, one.problem) for one in found.skipped] == [("arxiv OAI, record 2", problem)]


def test_the_last_page_has_no_token() -> None:
    assert parse_page(page(record(), token=TOKEN)).token == "verb%3DListRecords%26skip%3D2"
    assert parse_page(page(record())).token == ""
    assert parse_page(page(record(), token="<resumptionToken/>")).token == ""


def test_no_records_are_no_error() -> None:
    assert parse_page(error("noRecordsMatch", "none of these days")) == Page()


def test_an_expired_token_is_told_from_what_else_is_wrong() -> None:
    with pytest.raises(ExpiredTokenError):
        parse_page(error("badResumptionToken", "The token has expired"))
    with pytest.raises(SourceUnavailableError, match="badArgument: until lies in the future"):
        parse_page(error("badArgument", "until lies\n in the future"))


def test_a_token_that_was_used_is_a_page_from_before() -> None:
    body = page(record(), token=TOKEN)
    with pytest.raises(SourceFormatError, match="same page again"):
        parse_page(body, asked_with=["another", "verb%3DListRecords%26skip%3D2"])
    assert parse_page(body, asked_with=["another"]).records


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST.replace("cs:cs:LG", "cs:cs:CL"),
        REQUEST.replace("2026-06-08", "2026-06-09"),
        REQUEST.replace('set="cs:cs:LG" from="2026-06-08"', 'resumptionToken="verb%3DListRecords"'),
    ],
)
def test_a_page_that_answers_another_query_is_refused(request_: str) -> None:
    for body in (page(record()), error("noRecordsMatch")):
        with pytest.raises(SourceFormatError, match="not asked"):
            parse_page(body.replace(HEAD.encode(), (HEAD + request_).encode()), asked_for=ASKED_FOR)


@pytest.mark.parametrize(
    "request_",
    ["", "<request/>", REQUEST, REQUEST.replace("06-08", "06-08T00:00:00Z"), REQUEST.replace("set=", "sett=")],
)
def test_a_page_need_not_say_what_it_answers(request_: str) -> None:
    body = page(record()).replace(HEAD.encode(), (HEAD + request_).encode())
    assert parse_page(body, asked_for=ASKED_FOR).records
    assert parse_page(body, asked_for={"verb": "ListRecords", "resumptionToken": "x"}).records


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no XML"),
        (b"Rate exceeded.", "no XML"),
        (page(record())[:-40], "no XML"),
        (maintenance(Answer()).body, ""),
        (xml_bomb(Answer()).body, ""),
        (b"<html/>", "not OAI-PMH but <html>"),
        (f"{HEAD}</OAI-PMH>".encode(), "without a list"),
    ],
)
def test_what_is_no_page_is_one_clear_error(body: bytes, said: str) -> None:
    with pytest.raises(SourceFormatError) as caught:
        parse_page(body)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


WHOLE = page(record(), record("math/0309136"), token=TOKEN)
marks = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<&"), max_size=20)
inner = st.builds(
    "<{0}>{1}</{0}>".format,
    st.sampled_from(["id", "title", "version", "date", "datestamp", "header", "metadata", "arXivRaw", "categories"]),
    marks | st.sampled_from(["2606.00001", "0001-01-01", "9999-12-31T23:59:59-14:00", "Mon, 01 Jan 0001 00:00:00 GMT"]),
)
bodies = st.lists(st.lists(inner, max_size=5).map("".join), max_size=4).map(
    lambda parts: page(*(record(more=part) for part in parts))
)
broken = st.builds(
    lambda cut, drop, put: WHOLE[:cut] + put + WHOLE[cut + drop :],
    st.integers(0, len(WHOLE)),
    st.integers(0, 9),
    st.binary(max_size=6),
)


@given(st.binary(max_size=100) | bodies | broken)
@example(page(record(header="<header><datestamp>9999-12-31</datestamp></header>")))
def test_any_bytes_are_a_page_or_an_error_of_ours(body: bytes) -> None:
    try:
        found = parse_page(body)
    except SourceError:
        return
    for one in found.records:
        assert one.paper.title
        assert one.versions
        assert one.paper.id.startswith("arxiv:")
        announced_on(one, MONDAY, WEDNESDAY)


def stands(identifier: str, datestamp: date, *versions: datetime) -> Record:
    return Record(paper=paper(id=f"arxiv:{identifier}", announced=datestamp), datestamp=datestamp, versions=versions)


def at(day: int, hour: int = 12, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("found", "day"),
    [
        # One version: the datestamp, however old the submission is.
        (stands("2606.00001", WEDNESDAY, at(9)), WEDNESDAY),
        (stands("2606.00001", WEDNESDAY, at(1, month=5)), WEDNESDAY),
        (stands("2605.00001", WEDNESDAY, at(9)), WEDNESDAY),
        # A bulk edit of an old paper.
        (stands("2604.00001", WEDNESDAY, at(9)), None),
        (stands("2506.00001", WEDNESDAY, at(9)), None),
        (stands("math/0606001", WEDNESDAY, at(9)), None),
        # An id of the month to come.
        (stands("2607.00001", WEDNESDAY, at(9)), None),
        # Several versions: the day after the first, if that is among the days.
        (stands("2606.00001", date(2026, 6, 12), at(8), at(11)), date(2026, 6, 9)),
        (stands("2606.00001", date(2026, 6, 12), at(5), at(11)), MONDAY),
        (stands("2606.00001", date(2026, 6, 12), at(4), at(11)), None),
        (stands("2606.00001", date(2026, 6, 12), at(11), at(11, 13)), None),
        # Submitted after 14:00 in New York, it is of the day after the next.
        (stands("2606.00001", date(2026, 6, 12), at(8, 18), at(11)), WEDNESDAY),
        # First announced on the last of the days, in the evening before as New York has it.
        (stands("2606.00001", date(2026, 6, 11), at(10), at(10, 14)), date(2026, 6, 11)),
    ],
)
def test_a_record_was_announced_on_its_day_or_not_at_all(found: Record, day: date | None) -> None:
    assert announced_on(found, MONDAY, WEDNESDAY) == day


def test_in_january_the_month_before_is_december() -> None:
    assert announced_on(stands("2512.00001", date(2026, 1, 2), at(1, month=1)), MONDAY, WEDNESDAY) == date(2026, 1, 2)
    assert announced_on(stands("2501.00001", date(2026, 1, 2), at(1, month=1)), MONDAY, WEDNESDAY) is None


def harvested(installation: Installation, **options: Any) -> list[Page]:
    values: dict[str, Any] = {"url": installation.arxiv.oai_url, "of": "cs:cs:CL", "first": MONDAY}

    async def run() -> list[Page]:
        client = installation.client()
        lane = Lane(name="arxiv", seconds=0.0)
        return [page async for page in harvest(client, lane, **values | options)]

    return asyncio.run(run())


def ids(pages: list[Page]) -> list[str]:
    return [one.paper.id for page in pages for one in page.records]


@pytest.fixture
def settled(installation: Installation) -> Installation:
    """A month has gone by."""
    installation.arxiv.world.now = eastern(LAST)
    return installation


def expected(installation: Installation, first: date, last: date = LAST) -> set[str]:
    return {
        name
        for name, state in installation.arxiv.world.papers().items()
        if first <= state.datestamp <= last and "cs.CL" in state.categories
    }


@pytest.mark.parametrize("page_size", [17, 2000])
def test_a_list_of_any_number_of_pages_is_read_to_its_end(settled: Installation, page_size: int) -> None:
    settled.arxiv.oai.page_size = page_size
    found = ids(harvested(settled))
    assert len(found) == len(set(found))
    assert set(found) == expected(settled, MONDAY)


def test_a_first_page_names_days_and_set_and_the_others_their_token_alone(settled: Installation) -> None:
    settled.arxiv.oai.page_size = 100
    harvested(settled)
    first, *others = settled.arxiv.oai.asked
    assert {name: values[0] for name, values in first.query.items()} == {
        "verb": "ListRecords",
        "metadataPrefix": "arXivRaw",
        "set": "cs:cs:CL",
        "from": "2026-06-08",
    }
    harvested(settled)
    assert {frozenset(request.query) for request in settled.arxiv.oai.asked[2 + len(others) :]} == {
        frozenset(["verb", "resumptionToken"])
    }


def test_days_without_records_are_one_empty_page(settled: Installation) -> None:
    assert harvested(settled, first=date(2026, 7, 10)) == [Page()]


@pytest.mark.parametrize("good_pages", range(4))
def test_after_an_expired_token_the_list_goes_on_from_the_last_day_seen(settled: Installation, good_pages: int) -> None:
    settled.arxiv.oai.page_size = 40
    settled.arxiv.oai.fail(*[None] * good_pages, expired_token)
    found = harvested(settled)
    assert set(ids(found)) == expected(settled, MONDAY)
    again = [request.value("from") for request in settled.arxiv.oai.asked if "set" in request.query]
    last = max((one.datestamp for page in found[:good_pages] for one in page.records), default=MONDAY)
    assert again == [MONDAY.isoformat(), last.isoformat()]


def test_a_server_whose_tokens_never_work_is_given_up(settled: Installation) -> None:
    settled.arxiv.oai.page_size = 20
    settled.arxiv.oai.fail(*[None, expired_token] * 30)
    with pytest.raises(ExpiredTokenError):
        harvested(settled)
    assert len(settled.arxiv.oai.asked) < 12


class Roundabout(Service):
    """Its second page leads back to the first, until it has enough."""

    def answer(self, request: Request) -> Answer:
        if len(self.asked) > 20:
            return Answer(status=404)
        token = "one" if request.value("resumptionToken") == "two" else "two"
        return Answer(body=page(record(), token=f"<resumptionToken>{token}</resumptionToken>"))


def test_pages_that_lead_in_a_circle_come_to_an_end(installation: Installation) -> None:
    with serving(Roundabout()) as service:
        with pytest.raises(SourceFormatError, match="same page again"):
            harvested(installation, url=service.url)
        assert len(service.asked) < 5


@pytest.mark.parametrize("fault", [record_without_title, record_with_broken_date])
def test_a_broken_record_is_the_only_one_that_is_missing(
    settled: Installation, fault: Callable[[Answer], Answer]
) -> None:
    settled.arxiv.oai.fail(fault)
    found = harvested(settled)
    (skip,) = found[0].skipped
    missing = expected(settled, MONDAY) - set(ids(found))
    assert len(missing) == 1
    assert skip.problem.startswith(missing.pop())


def test_a_page_that_breaks_is_asked_for_again_with_its_token(settled: Installation) -> None:
    settled.patience = 1.0
    settled.arxiv.oai.page_size = 40
    settled.arxiv.oai.fail(None, cut_off, maintenance)
    assert set(ids(harvested(settled))) == expected(settled, MONDAY)
    tokens = [request.value("resumptionToken") for request in settled.arxiv.oai.asked]
    assert tokens[1] == tokens[2] == tokens[3] != ""
