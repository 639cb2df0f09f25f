"""``sources`` and ``doctor``: what is wrong, for people and for programs."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digestbot.store import Store
from tests.cli.conftest import Cli
from tests.factories import delivery, load, new_store
from tests.store.scenes import claim, mark

FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
QUIET = '[sources.arxiv]\nenabled = false\n[[sources.feeds]]\nname = "lab-notes"\nurl = "https://example.org/feed"'


def opened(cli: Cli) -> Store:
    return new_store(cli.folder / "digestbot.sqlite")


def record(
    cli: Cli, source: str, started: datetime, *, new: int = 0, newest: date | None = None, error: str = ""
) -> None:
    store = opened(cli)
    store.loads.record(load(source, started_at=started, new=new, newest=newest, error=error))
    store.close()


def states(cli: Cli, at: str) -> dict[str, str]:
    return {one["name"]: one["state"] for one in cli.json("sources", "--at", at)}


def found(cli: Cli, check: str, code: int = 0) -> dict[str, Any]:
    [one] = [one for one in cli.json("doctor", code=code) if one["check"] == check]
    assert isinstance(one, dict)
    return one


def files(cli: Cli) -> dict[str, str]:
    """Return what is in the folder, save for the database's own working files."""
    return {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in cli.folder.iterdir()
        if not one.name.endswith(("-wal", "-shm"))
    }


# sources


def test_before_the_first_load_every_source_was_never_asked(cli: Cli) -> None:
    assert states(cli, "2026-11-20T12:00") == dict.fromkeys(
        ["arxiv", "huggingface", "biorxiv", "medrxiv"], "never asked"
    )
    assert cli.json("sources", "--at", "2026-11-20T12:00")[0] == {
        "name": "arxiv",
        "enabled": True,
        "state": "never asked",
        "last_success": None,
        "last_new": None,
        "newest": None,
        "next_try": "2026-11-20T12:00:00+00:00",
        "problem": None,
    }


def test_a_source_that_was_asked_says_when_and_what_came(cli: Cli) -> None:
    record(cli, "arxiv", FRIDAY - 90 * MINUTE, new=3, newest=date(2026, 11, 20))
    record(cli, "arxiv", FRIDAY - 30 * MINUTE)
    assert cli.json("sources", "--at", "2026-11-20T12:00")[0] == {
        "name": "arxiv",
        "enabled": True,
        "state": "ok",
        "last_success": "2026-11-20T11:30:00+00:00",
        "last_new": "2026-11-20T10:30:00+00:00",
        "newest": "2026-11-20",
        "next_try": "2026-11-20T12:30:00+00:00",
        "problem": None,
    }


def test_silence_is_stale_on_a_weekday_and_nothing_new_on_a_sunday(cli: Cli) -> None:
    record(cli, "arxiv", FRIDAY - DAY, new=3, newest=date(2026, 11, 19))
    record(cli, "arxiv", FRIDAY)
    assert states(cli, "2026-11-20T12:10")["arxiv"] == "stale"
    assert states(cli, "2026-11-22T12:00")["arxiv"] == "nothing new"
    assert states(cli, "2026-11-22T23:00-05:00")["arxiv"] == "nothing new"
    assert states(cli, "2026-11-23T00:00-05:00")["arxiv"] == "stale"


def test_the_table_has_a_line_for_each_source_in_readable_times(cli: Cli) -> None:
    cli.configure('[[sources.feeds]]\nname = "lab-notes"\nurl = "https://example.org/feed"')
    record(cli, "arxiv", FRIDAY - 5 * MINUTE, new=3, newest=date(2026, 11, 20))
    record(cli, "lab-notes", FRIDAY - 5 * MINUTE, error="answered 503\x1b[31m")
    lines = [line.split() for line in cli("sources", "--at", "2026-11-20T12:00").out.splitlines()]
    table = {line[0]: " ".join(line[1:]) for line in lines if line}
    assert table["arxiv"] == "yes ok 2026-11-20 11:55 UTC 2026-11-20 11:55 UTC 2026-11-20 2026-11-20 12:55 UTC"
    assert table["lab-notes"] == "yes failed - - - 2026-11-20 12:05 UTC answered 503 [31m"
    assert table["medrxiv"] == "no never asked - - - -"
    later = cli("sources", "--at", "2026-11-20T14:00").out
    assert next(line for line in later.splitlines() if line.startswith(" arxiv")).split()[-1] == "now"


def test_a_source_that_is_silent_or_failed_is_no_failure_of_the_command(cli: Cli) -> None:
    record(cli, "arxiv", FRIDAY, error="answered 503")
    [arxiv, *_] = cli.json("sources", "--at", "2026-11-20T12:10")
    assert (arxiv["state"], arxiv["problem"], arxiv["last_success"]) == ("failed", "answered 503", None)


# doctor


def test_a_fresh_installation_has_no_problem(cli: Cli) -> None:
    cli("init")
    grades = {one["check"]: one["grade"] for one in cli.json("doctor")}
    assert (grades["settings"], grades["database"], grades["secrets"], grades["outbox"]) == ("ok", "ok", "ok", "ok")
    assert (grades["web"], grades["sender"], grades["admin"]) == ("warning", "note", "note")
    assert grades["source arxiv"] == "warning"
    assert {"disk", "calendar"} < set(grades)
    assert "digestbot load arxiv" in cli("doctor").out


def test_the_doctor_makes_nothing_and_changes_nothing(cli: Cli) -> None:
    assert found(cli, "database")["grade"] == "warning"
    assert [one.name for one in cli.folder.iterdir()] == ["settings.toml"]
    cli("init")
    before = files(cli)
    cli("doctor")
    assert files(cli) == before


def test_wrong_settings_are_a_problem_that_names_the_key(cli: Cli) -> None:
    cli.configure("databse = 'x'")
    [one] = cli.json("doctor", code=1)
    assert (one["check"], one["grade"]) == ("settings", "problem")
    assert "did you mean database?" in one["says"]
    assert cli("doctor", code=1).err == "digestbot: 1 problem; see what to do\n"


def test_a_database_of_something_else_is_a_problem_and_the_other_checks_go_on(cli: Cli) -> None:
    path = cli.folder / "digestbot.sqlite"
    path.write_bytes(b"not a database, " * 400)
    path.chmod(0o600)
    grades = {one["check"]: one["grade"] for one in cli.json("doctor", code=1)}
    assert grades["database"] == "problem"
    assert "calendar" in grades
    assert "outbox" not in grades


def test_a_damaged_database_is_found(cli: Cli) -> None:
    cli("init")
    path = cli.folder / "digestbot.sqlite"
    content = bytearray(path.read_bytes())
    # Everything but the first page, which has the tables' names.
    content[20 * 4096 :] = b"\xff" * (len(content) - 20 * 4096)
    path.write_bytes(content)
    one = found(cli, "database", code=1)
    assert one["grade"] == "problem"


@pytest.mark.parametrize(
    ("name", "check", "grade", "code"),
    [("digestbot.sqlite", "database", "warning", 0), ("digestbot.secret", "secrets", "problem", 1)],
)
def test_files_that_others_can_read_are_told_with_the_command_that_helps(
    cli: Cli, name: str, check: str, grade: str, code: int
) -> None:
    cli("init")
    path = cli.folder / name
    path.chmod(0o644)
    one = [one for one in cli.json("doctor", code=code) if one["check"] == check][-1]
    assert one["grade"] == grade
    assert f"chmod 600 {path}" in one["advice"]


def test_no_secret_is_ever_shown(cli: Cli) -> None:
    (cli.folder / "digestbot.secret").write_text('keys = ["sesame-sesame-sesame"]\nsmtp_password = "hunter2"\n')
    for mode in (0o600, 0o644):
        (cli.folder / "digestbot.secret").chmod(mode)
        said = cli("doctor", code=0 if mode == 0o600 else 1)
        for secret in ("sesame", "hunter2"):
            assert secret not in said.out + said.err


def test_whether_mails_are_signed_is_told_and_keys_that_others_can_read_are_a_problem(cli: Cli) -> None:
    cli.configure('[mail]\nsender = "digest@example.org"\n')
    assert found(cli, "dkim")["grade"] == "note"
    cli("dkim", "generate")
    assert found(cli, "dkim")["says"] == "mails are signed by example.org"
    key = cli.folder / "digestbot-ed.pem"
    key.chmod(0o644)
    one = found(cli, "dkim", code=1)
    assert (one["grade"], f"chmod 600 {key}" in one["says"]) == ("problem", True)


def test_the_ways_in_which_bounces_come_in_are_told_and_no_secret_file_is_made(cli: Cli) -> None:
    assert found(cli, "bounces")["grade"] == "note"
    web = '[web]\nbase_url = "https://papers.example.org"\n'
    cli.configure(f'{web}[bounces.ses]\ntopic = "arn:aws:sns:eu-west-1:123456789012:bounces"\n')
    one = found(cli, "bounces")
    assert (one["grade"], one["says"]) == ("ok", "a provider tells https://papers.example.org/webhooks/ses")
    assert [one.name for one in cli.folder.iterdir()] == ["settings.toml"]
    cli.configure(f'{web}[bounces.ses]\ntopic = "bounces"\n')
    assert "[bounces.ses] topic" in found(cli, "bounces", code=1)["says"]


def test_a_webhook_that_only_a_secret_opens_is_told_without_the_secret(cli: Cli) -> None:
    secrets = cli.folder / "digestbot.secret"
    secrets.write_text('keys = ["sesame-sesame-sesame"]\nmailgun_signing_key = "hunter2"\n')
    secrets.chmod(0o600)
    one = found(cli, "bounces")
    assert (one["grade"], "no https address" in one["says"]) == ("warning", True)
    cli.configure('[web]\nbase_url = "https://papers.example.org"\n')
    assert found(cli, "bounces")["says"].endswith("/webhooks/mailgun")
    secrets.chmod(0o644)
    said = cli("doctor", code=1)
    assert "hunter2" not in said.out + said.err
    assert "webhooks" not in said.out


def test_mail_through_a_server_needs_a_sender_of_ones_own(cli: Cli) -> None:
    cli.configure('[smtp]\nhost = "mail.example.org"')
    assert found(cli, "sender", code=1)["grade"] == "problem"
    cli.configure('[smtp]\nhost = "mail.example.org"\n[mail]\nsender = "digest@example.org"')
    assert found(cli, "sender")["grade"] == "ok"


def test_an_admin_whose_address_takes_no_mail_is_told(cli: Cli) -> None:
    cli.configure('[mail]\nadmin = "The Admin <admin@example.org>"')
    store = opened(cli)
    assert found(cli, "admin")["grade"] == "ok"
    store.suppressions.suppress("admin@example.org", "550 5.1.1", FRIDAY)
    store.close()
    assert found(cli, "admin")["grade"] == "warning"


def test_a_source_that_fails_for_long_is_a_problem(cli: Cli) -> None:
    cli.configure(QUIET)
    record(cli, "lab-notes", FRIDAY - 400 * DAY)
    assert found(cli, "source lab-notes")["grade"] == "ok"
    record(cli, "lab-notes", FRIDAY, error="answered 503")
    one = found(cli, "source lab-notes", code=1)
    assert (one["grade"], one["says"]) == ("problem", "the last load failed: answered 503")


def test_what_did_not_go_out_is_told(cli: Cli) -> None:
    store = opened(cli)
    assert found(cli, "outbox")["grade"] == "ok"
    long_ago = FRIDAY - 400 * DAY
    alert = {"kind": "alert", "subscriber_id": None, "created_at": long_ago}
    store.outbox.add(delivery(1, **alert))
    store.outbox.open_run("a")
    [one] = claim(store, 1, long_ago)
    mark(store, one, one.state.FAILED, long_ago)
    assert found(cli, "outbox")["grade"] == "ok", "it failed long ago"
    store.outbox.add(delivery(2, **alert))
    [one] = claim(store, 1, long_ago)
    mark(store, one, one.state.FAILED, datetime(2999, 1, 1, tzinfo=UTC))
    assert "1 failed, 0 held" in found(cli, "outbox")["says"]
    store.outbox.add(delivery(3, **alert))
    failed, waits = (one for one in cli.json("doctor", code=1) if one["check"] == "outbox")
    assert "1 failed" in failed["says"]
    assert (waits["grade"], "since 2025-10-16" in waits["says"]) == ("problem", True)
    store.outbox.close_run()
    store.close()
