"""Subscribers files as programs and people write them: every row by itself, and what is written is read."""

from __future__ import annotations

import codecs
import csv
import io
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.cli.addresses import valid_address
from digestbot.cli.subscriber_files import Problem, Row, SubscriberFile, address_of, header_line, line_of
from digestbot.errors import SourceFormatError, UsageError
from digestbot.models import SubscriberState, canonical_days
from digestbot.ranking.interests import parse
from digestbot.store import Preferences
from digestbot.store.subscribers import Enrolment


class Endless(io.RawIOBase):
    """A file that is one line without an end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"a" * len(buffer)
        return len(buffer)


def file_of(content: bytes) -> SubscriberFile:
    return SubscriberFile(io.BufferedReader(io.BytesIO(content)))


def read(content: str | bytes) -> tuple[list[str], list[int]]:
    """Return the addresses that are taken, and the lines of what is not."""
    found = list(file_of(content if isinstance(content, bytes) else content.encode()))
    return (
        [one.enrolment.email for one in found if isinstance(one, Row)],
        [one.line for one in found if isinstance(one, Problem)],
    )


PLAIN = "email,state\nada@example.org,active\nbela@example.org,paused\n"
BOTH: tuple[list[str], list[int]] = (["ada@example.org", "bela@example.org"], [])


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.encode("utf-16"),
        b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        PLAIN.replace("email,state", '"E-Mail","State"').encode(),
        PLAIN.replace("\n", "\n\n,\n").encode(),
        PLAIN.rstrip().encode(),
        PLAIN.replace("ada@example.org,active", ' "ada@example.org",  "active"').encode(),
        PLAIN.replace("active", "active,,,").encode(),
        b'email,notes,state\nada@example.org,"one\r\ntwo, ""three""",active\nbela@example.org,,paused\n',
        b"email,state,name\nada@example.org,active,M\xfcller\nbela@example.org,paused,\xff\n",
    ],
)
def test_tables_of_other_programs_are_read(content: bytes) -> None:
    assert read(content) == BOTH


@pytest.mark.parametrize(
    "broken",
    [
        '"cara@example.org,active',
        'cara@example.org,"active',
        '"cara@example.org"x,active',
        "cara@example.org,active,,more",
        "cara@example.org,act\0ive",
        "cara@example.org," + "x" * 200_000,
        '"' + "x" * 200_000,
        "cara@exämple\ufffd.org,",
        "café@example.org,active",
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_broken_row_takes_no_other_with_it(broken: str, ending: str) -> None:
    rows = ["email,state", "ada@example.org,active", broken, "bela@example.org,paused", '"dora@example.org","active"']
    assert read(ending.join(rows)) == (["ada@example.org", "bela@example.org", "dora@example.org"], [3])


def test_a_quotation_mark_that_is_closed_much_later_takes_no_row_with_it() -> None:
    swallowed = 'email,days,state\n"ada@example.org,,\nbela@example.org,,active\ncara@example.org,"",active\n'
    assert read(swallowed) == (["bela@example.org", "cara@example.org"], [2])
    last = 'email,days,state\nada@example.org,,"active\nbela@example.org,,active\ndora@example.org,,"\ncara@example.org,,\n'
    assert read(last) == (["bela@example.org", "cara@example.org"], [2, 4])


def test_what_is_followed_stands_between_semicolons_or_in_quotation_marks() -> None:
    content = 'email,follows\nada@example.org,"owl; ""song; dance"" ;; author:Quill, Ada"\n'
    [row] = file_of(content.encode())
    assert isinstance(row, Row)
    assert row.enrolment.preferences.follows == ("owl", "song; dance", "author:Quill, Ada")


def test_latin_1_in_a_column_that_counts_is_said_to_be_no_utf_8() -> None:
    [problem] = file_of(b"email,follows\nada@example.org,M\xfcller\n")
    assert isinstance(problem, Problem)
    assert "UTF-8" in problem.problem


def test_a_problem_is_one_line_that_can_be_shown_however_long_the_cell() -> None:
    content = "email,timezone\nada@example.org,\x1b[31m" + "Mars/" * 9_000 + "\n"
    [problem] = file_of(content.encode())
    assert isinstance(problem, Problem)
    assert problem.problem.isprintable()
    assert len(problem.problem) < 320
    assert problem.problem.endswith("use a name such as Europe/Berlin or UTC")


def test_a_line_without_an_end_is_refused_in_little_memory() -> None:
    tracemalloc.start()
    with pytest.raises(SourceFormatError):
        SubscriberFile(io.BufferedReader(Endless()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


@given(st.binary(max_size=400) | st.text(alphabet='ae@.,;"\n\r\t \0é', max_size=80).map(str.encode))
@example(b"")
@example(b'email\n"')
def test_any_bytes_give_rows_or_problems_or_are_no_subscribers_file(content: bytes) -> None:
    for whole in (content, b"email,state,follows\n" + content, codecs.BOM_UTF16_LE + content):
        with suppress(SourceFormatError):
            assert all(isinstance(one, Row | Problem) for one in file_of(whole))


GOOD = st.integers(0, 99).map("good{}@example.org,active,".format)
BAD = st.sampled_from(['"', 'x,"', '"bad@example.org,', "bad@example.org,away,", ",,x", 'bad@example.org,active,"owl'])


@given(st.lists(GOOD | BAD, max_size=12))
def test_whatever_is_broken_every_good_row_is_taken(rows: list[str]) -> None:
    good = list(dict.fromkeys(row.partition(",")[0] for row in rows if row.startswith("good")))
    assert read("\n".join(["email,state,follows", *rows]))[0] == good


INTERESTS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from(' ;,"'), max_size=20)
    .map("owl{}".format)
    .map(lambda text: parse(text).canonical)
)
ENROLMENTS = st.builds(
    Enrolment,
    email=st.sampled_from(["ada@example.org", "Ada+x@example.org", "a'b@example.org", "=x@example.org"]),
    state=st.sampled_from(list(SubscriberState)),
    preferences=st.builds(
        Preferences,
        timezone=st.none() | st.sampled_from(["UTC", "Europe/Berlin"]),
        send_at=st.none() | st.times().map(lambda moment: moment.strftime("%H:%M")),
        days=st.none() | st.sampled_from(["daily", "mon,thu", "fri"]).map(canonical_days),
        papers=st.none() | st.integers(1, 50),
        language=st.none() | st.sampled_from(["en", "de"]),
        categories=st.none() | st.just(("cs.IR", "cell biology")),
        follows=st.none() | INTERESTS.map(lambda one: (one,)) | INTERESTS.map(lambda one: (one, "author:Quill, Ada")),
        mutes=st.none() | st.just(("word:song",)),
    ),
)


@given(ENROLMENTS)
def test_what_is_written_is_read_as_it_was(enrolment: Enrolment) -> None:
    content = header_line() + line_of(enrolment)
    assert list(file_of(content.encode())) == [Row(line=2, enrolment=enrolment)]
    [_, row] = csv.reader(io.StringIO(content))
    assert row[0] == enrolment.email


PARTS = st.text(alphabet="aB1.+-_' \"ü@", max_size=70)
DOMAINS = st.sampled_from(
    [
        "example.org",
        "EXAMPLE.org",
        "bücher.example",
        "b@d.org",
        "",
        "local",
        "ex..org",
        "[127.0.0.1]",
        "x" * 64 + ".org",
    ]
) | st.integers(150, 260).map(lambda length: ("abcdefg." * 40)[:length] + "org")


@given(PARTS, DOMAINS)
@example("postmaster", "example.org")
@example("a" * 58, ("abcdefg." * 40)[:192] + "org")
@example("a" * 59, ("abcdefg." * 40)[:192] + "org")
@example("a" * 65, "example.org")
def test_addresses_are_judged_as_the_add_command_judges_them(local: str, domain: str) -> None:
    def judged(by: object) -> str:
        try:
            return str(by(f"{local}@{domain}"))  # type: ignore[operator]
        except UsageError as error:
            return f"refused: {error}"

    assert judged(address_of) == judged(valid_address)
