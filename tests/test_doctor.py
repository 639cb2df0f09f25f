"""The doctor: each check says what is wrong and what to do, and only a problem is one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digestbot import doctor
from digestbot.doctor import Finding, Grade
from digestbot.errors import SettingsError, StoreError
from digestbot.pipeline.watch import Pace, Report, State
from digestbot.store.outbox import Undelivered

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PACE = Pace(load_every=HOUR, poll_every=timedelta(minutes=10), wait=2 * HOUR)
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Section:
    """What the doctor asks the settings for."""

    base_url: str = "https://papers.example.org"
    host: str = "mail.example.org"
    sender: str = "digestbot <digestbot@example.org>"
    admin: str = "admin@example.org"
    domain: str = "example.org"
    bounce_domain: str = ""
    kind: str = "none"


def source(state: State, **changes: object) -> Report:
    known = Report(
        name="arxiv",
        enabled=True,
        state=state,
        last_success=NOW,
        last_new=NOW,
        newest=date(2026, 11, 19),
        next_try=NOW,
        problem="",
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def never() -> object:
    raise AssertionError("must not be read")


@pytest.fixture
def private(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("content")
    path.chmod(0o600)
    return path


def advised(found: Finding) -> None:
    """Whatever is a warning or worse comes with something to do."""
    assert found.advice or found.grade in (Grade.OK, Grade.NOTE)


def test_settings_that_cannot_be_read_are_a_problem() -> None:
    found = doctor.settings(None, "settings.toml: databse: there is no such setting")
    assert (found.grade, found.says) == (Grade.PROBLEM, "settings.toml: databse: there is no such setting")
    assert doctor.settings(Path("settings.toml")).grade == Grade.OK
    assert "the defaults hold" in doctor.settings(None).says


def test_a_database_that_is_whole_and_private_is_fine(private: Path) -> None:
    [found] = doctor.database(private, lambda: ["ok"])
    assert (found.grade, found.check) == (Grade.OK, "database")


def test_a_damaged_database_is_a_problem(private: Path) -> None:
    [found] = doctor.database(private, lambda: ["row 3 missing from index", "another"])
    assert found.grade == Grade.PROBLEM
    assert "damaged: row 3 missing from index" in found.says
    assert "backup" in found.advice


def test_a_database_that_does_not_open_is_a_problem(private: Path) -> None:
    def fails() -> list[str]:
        raise StoreError("the database failed")

    [found] = doctor.database(private, fails)
    assert (found.grade, found.says) == (Grade.PROBLEM, "the database failed")


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_database_that_others_can_read_is_a_warning_with_the_command_that_helps(private: Path, ending: str) -> None:
    beside = private.with_name(f"{private.name}{ending}")
    beside.touch()
    beside.chmod(0o640)
    *_, found = doctor.database(private, lambda: ["ok"])
    assert (found.grade, found.advice) == (Grade.WARNING, f"run: chmod 600 {beside}")


def test_no_database_yet_is_a_warning() -> None:
    assert doctor.no_database(Path("digestbot.sqlite")).grade == Grade.WARNING


@pytest.mark.parametrize(
    ("free", "grade"),
    [
        (500 * MEGABYTE, Grade.OK),
        (500 * MEGABYTE - 1, Grade.WARNING),
        (50 * MEGABYTE, Grade.WARNING),
        (50 * MEGABYTE - 1, Grade.PROBLEM),
        (0, Grade.PROBLEM),
    ],
)
def test_little_room_is_a_warning_and_none_a_problem(free: int, grade: Grade) -> None:
    found = doctor.space(Path("folder"), free)
    assert found.grade == grade
    advised(found)


def test_a_secret_file_that_others_can_read_is_a_problem_and_is_not_read(private: Path) -> None:
    private.chmod(0o604)
    found = doctor.secret_file(private, never)
    assert (found.grade, found.advice) == (Grade.PROBLEM, f"run: chmod 600 {private}")


def test_a_secret_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert doctor.secret_file(tmp_path / "none", never).grade == Grade.NOTE
    assert list(tmp_path.iterdir()) == []


def test_a_secret_file_that_is_wrong_is_a_problem(private: Path) -> None:
    def wrong() -> object:
        raise SettingsError("keys: needs at least one key")

    assert doctor.secret_file(private, wrong).grade == Grade.PROBLEM
    assert doctor.secret_file(private, lambda: "fine").grade == Grade.OK


@pytest.mark.parametrize(
    ("base_url", "grade", "says"),
    [
        ("https://papers.example.org", Grade.OK, "https://papers.example.org"),
        ("http://papers.example.org", Grade.WARNING, "one-click unsubscribe"),
        ("", Grade.WARNING, "this machine only"),
    ],
)
def test_pages_without_https_are_a_warning(base_url: str, grade: Grade, says: str) -> None:
    found = doctor.web(Section(base_url=base_url))
    assert found.grade == grade
    assert says in found.says
    advised(found)


@pytest.mark.parametrize(
    ("sender", "host", "grade"),
    [
        ("digestbot <digestbot@example.org>", "mail.example.org", Grade.OK),
        ("digestbot <digestbot@localhost>", "mail.example.org", Grade.PROBLEM),
        ("digestbot@localhost.localdomain", "mail.example.org", Grade.PROBLEM),
        ("digestbot@LOCALHOST", "localhost", Grade.WARNING),
        ("digestbot@localhost", "127.0.0.1", Grade.WARNING),
        ("digestbot@localhost", "::1", Grade.WARNING),
        ("digestbot@localhost", "", Grade.NOTE),
        ("digestbot@example.org", "", Grade.NOTE),
    ],
)
def test_a_sender_at_localhost_is_a_problem_once_mail_leaves(sender: str, host: str, grade: Grade) -> None:
    found = doctor.sender(Section(sender=sender), Section(host=host))
    assert found.grade == grade
    advised(found)


@pytest.mark.parametrize(
    ("signing", "host", "grade"),
    [
        ("example.org", "mail.example.org", Grade.OK),
        ("news.example.org", "mail.example.org", Grade.OK),
        ("org", "mail.example.org", Grade.OK),
        ("notexample.org", "mail.example.org", Grade.WARNING),
        (None, "mail.example.org", Grade.WARNING),
        (None, "127.0.0.1", Grade.NOTE),
        (None, "", Grade.NOTE),
    ],
)
def test_mails_without_a_signature_of_the_senders_domain_are_told(signing: str | None, host: str, grade: Grade) -> None:
    signer = Section(domain=signing) if signing else None
    found = doctor.signatures("auto", Section(), Section(host=host), lambda: signer)
    assert found.grade == grade
    advised(found)


def test_keys_that_cannot_be_used_are_a_problem_unless_nobody_signs() -> None:
    def open_to_others() -> None:
        raise SettingsError("key.pem: others can read it; run: chmod 600 key.pem")

    found = doctor.signatures("auto", Section(), Section(), open_to_others)
    assert (found.grade, "chmod 600 key.pem" in found.says) == (Grade.PROBLEM, True)
    advised(found)
    assert doctor.signatures(False, Section(), Section(), open_to_others).grade == Grade.NOTE


@pytest.mark.parametrize(
    ("section", "providers", "grade", "says"),
    [
        (Section(), [], Grade.NOTE, "nothing is heard"),
        (Section(bounce_domain="b.example.org"), [], Grade.OK, "mail to b.example.org is to be piped"),
        (Section(bounce_domain="b.example.org", kind="imap"), [], Grade.OK, "b.example.org is fetched by IMAP"),
        (Section(bounce_domain="b.example.org", kind="maildir"), [], Grade.OK, "is fetched from a Maildir"),
        (Section(), ["ses"], Grade.OK, "a provider tells https://papers.example.org/webhooks/ses"),
        (Section(bounce_domain="b.example.org"), ["ses"], Grade.OK, "'digestbot bounce'; a provider tells https://"),
        (Section(base_url="http://papers.example.org"), ["ses"], Grade.WARNING, "no https address"),
        (Section(base_url="", bounce_domain="b.example.org"), ["mailgun"], Grade.WARNING, "no https address"),
        (Section(base_url=""), [], Grade.NOTE, "nothing is heard"),
    ],
)
def test_the_ways_in_which_bounces_come_in_are_told(
    section: Section, providers: list[str], grade: Grade, says: str
) -> None:
    found = doctor.bounces(section, section, section, lambda: providers)
    assert (found.check, found.grade) == ("bounces", grade)
    assert says in found.says
    advised(found)


def test_a_provider_that_cannot_be_set_up_is_a_problem() -> None:
    def no_topic() -> list[str]:
        raise SettingsError("[bounces.ses] topic: is no ARN")

    found = doctor.bounces(Section(), Section(), Section(), no_topic)
    assert (found.grade, found.says) == (Grade.PROBLEM, "[bounces.ses] topic: is no ARN")
    advised(found)


def test_without_an_admin_there_is_a_note_and_with_one_that_takes_no_mail_a_warning() -> None:
    assert doctor.admin(Section(admin=""), suppressed=False).grade == Grade.NOTE
    assert doctor.admin(Section(), suppressed=False).grade == Grade.OK
    found = doctor.admin(Section(admin="The Admin <admin@example.org>"), suppressed=True)
    assert found.grade == Grade.WARNING
    assert "has refused admin@example.org for good" in found.says


@pytest.mark.parametrize(
    ("state", "grade"),
    [
        (State.OK, Grade.OK),
        (State.NOTHING_NEW, Grade.OK),
        (State.UNKNOWN, Grade.NOTE),
        (State.NEVER, Grade.WARNING),
        (State.STALE, Grade.PROBLEM),
        (State.FAILED, Grade.WARNING),
    ],
)
def test_every_state_of_a_source_has_its_grade(state: State, grade: Grade) -> None:
    [found] = doctor.sources([source(state)], NOW)
    assert (found.check, found.grade) == ("source arxiv", grade)
    advised(found)


def test_a_source_is_a_problem_when_digests_no_longer_wait_for_it() -> None:
    early = NOW.replace(hour=6)
    [found] = doctor.sources([source(State.STALE)], early)
    assert found.grade == Grade.WARNING
    [found] = doctor.sources([source(State.FAILED, failing_since=NOW - 3 * HOUR, problem="answered 503")], NOW)
    assert (found.grade, found.says) == (Grade.PROBLEM, "the last load failed: answered 503")


def test_only_arxiv_is_looked_up_at_arxiv() -> None:
    arxiv, other = doctor.sources([source(State.STALE), source(State.STALE, name="biorxiv")], NOW)
    assert "status.arxiv.org" in arxiv.advice
    assert "arxiv.org" not in other.advice
    assert "digestbot load biorxiv" in other.advice


def test_sources_that_are_off_are_left_out_and_none_at_all_is_a_warning() -> None:
    off = source(State.FAILED, enabled=False)
    assert [one.check for one in doctor.sources([off, source(State.OK, name="huggingface")], NOW)] == [
        "source huggingface"
    ]
    [found] = doctor.sources([off], NOW)
    assert (found.grade, found.check) == (Grade.WARNING, "sources")


@pytest.mark.parametrize(
    ("undelivered", "grades"),
    [
        (Undelivered(held=0, failed=0, oldest=None), [Grade.OK]),
        (Undelivered(held=0, failed=0, oldest=NOW), [Grade.OK]),
        (Undelivered(held=1, failed=0, oldest=None), [Grade.WARNING]),
        (Undelivered(held=0, failed=2, oldest=NOW), [Grade.WARNING]),
        (Undelivered(held=0, failed=0, oldest=NOW - HOUR), [Grade.WARNING]),
        (Undelivered(held=0, failed=0, oldest=NOW - DAY), [Grade.PROBLEM]),
        (Undelivered(held=3, failed=2, oldest=NOW - DAY), [Grade.WARNING, Grade.PROBLEM]),
    ],
)
def test_mail_that_failed_or_waits_too_long_is_told(undelivered: Undelivered, grades: list[Grade]) -> None:
    found = list(doctor.outbox(undelivered, NOW))
    assert [one.grade for one in found] == grades
    for one in found:
        advised(one)


def test_a_year_whose_holidays_are_not_known_is_a_note() -> None:
    assert doctor.calendar(NOW).grade == Grade.OK
    # In New York it is still the old year.
    assert doctor.calendar(datetime(2027, 1, 1, 4, 59, tzinfo=UTC)).grade == Grade.OK
    found = doctor.calendar(datetime(2032, 6, 1, tzinfo=UTC))
    assert found.grade == Grade.NOTE
    assert "2032" in found.says
