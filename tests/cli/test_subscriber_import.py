"""``subscriber import`` and ``subscriber export``: many come in at once, and none gets lost or is asked in vain."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ADA, Cli
from tests.factories import NOW, new_store
from tests.pipeline.program import PATIENCE, command, environ
from tests.required import needs_posix

BELA, CARA, DORA, EVE = (f"{name}@example.org" for name in ("bela", "cara", "dora", "eve"))


def written(cli: Cli, content: str | bytes, name: str = "subscribers.csv") -> str:
    path = cli.folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def states(cli: Cli) -> dict[str, str]:
    return {one["email"]: one["state"] for one in cli.json("subscriber", "list")}


def counts(said: dict[str, Any]) -> dict[str, int]:
    return {name: said[name] for name in ("added", "already_there", "suppressed", "repeated", "bad") if said[name]}


def suppress(cli: Cli, email: str) -> None:
    store = new_store(cli.folder / "digestbot.sqlite")
    store.suppressions.suppress(email, "550 5.1.1 nobody here", NOW)
    store.close()


def test_a_file_brings_subscribers_with_what_they_chose(cli: Cli) -> None:
    path = written(
        cli,
        "days,email,papers,send_at,timezone,state,language,categories,follows,mutes\n"
        'thu mon,x,,,,,,,,\n"thu,mon",Ada@EXAMPLE.org,5,6:30,Europe/Berlin,ACTIVE,DE,"cs.IR, cs.CL",'
        '"author:Quill, Ada; word:owl",song of owls\n',
    )
    said = cli.json("subscriber", "import", path)
    assert counts(said) == {"added": 1, "bad": 1}
    assert said["pending"] == 0
    shown = cli.json("subscriber", "show", "Ada@example.org")
    expected = {
        "email": "Ada@example.org",
        "state": "active",
        "timezone": "Europe/Berlin",
        "send_at": "06:30",
        "days": "mon,thu",
        "language": "de",
        "papers": 5,
        "categories": ["cs.IR", "cs.CL"],
        "follows": ["author:Quill, Ada", "word:owl"],
        "mutes": ["song of owls"],
    }
    assert {key: shown[key] for key in expected} == expected
    assert 2**40 < int(shown["id"]) < 2**63, "ids are random"


def test_who_chose_nothing_goes_on_with_the_defaults_of_the_installation(cli: Cli) -> None:
    cli("subscriber", "import", written(cli, f"email,papers,send_at\n{ADA},,\n"))
    cli.configure("[digest]\npapers = 7\n")
    assert cli.json("subscriber", "show", ADA)["papers"] == 7


def test_the_pending_are_asked_by_mail_and_the_active_are_not(cli: Cli) -> None:
    said = cli("subscriber", "import", written(cli, f"email,state\n{ADA},active\n{BELA},\n{CARA},pending\n"))
    assert said.out.splitlines() == [
        "3 added, 0 already there, 0 suppressed, 0 repeated, 0 bad",
        "pending, of the added: 2; the mail that asks goes out with the next send",
    ]
    assert states(cli) == {ADA: "active", BELA: "pending", CARA: "pending"}
    assert cli.json("send")["sent"] == 2
    asked = sorted(line for mail in cli.mails() for line in mail.read_text().splitlines() if line.startswith("To: "))
    assert asked == [f"To: {BELA}", f"To: {CARA}"]


def test_without_a_state_somebody_is_pending(cli: Cli) -> None:
    assert cli.json("subscriber", "import", written(cli, f"email\n{ADA}\n"))["pending"] == 1
    assert states(cli) == {ADA: "pending"}


def test_who_has_left_paused_or_bounced_stays_so(cli: Cli) -> None:
    path = written(cli, f"email,state\n{ADA},paused\n{BELA},unsubscribed\n{CARA},bounced\n")
    assert counts(cli.json("subscriber", "import", path)) == {"added": 3}
    assert states(cli) == {ADA: "paused", BELA: "unsubscribed", CARA: "bounced"}
    assert [cli.json("subscriber", "show", one)["suppressed"] for one in (ADA, BELA, CARA)] == [False, False, True]
    assert cli.json("send")["sent"] == 0


def test_who_is_there_stays_as_they_are(stocked: Cli) -> None:
    stocked("subscriber", "add", BELA, "--confirmed")
    stocked("subscriber", "remove", BELA)
    before = stocked("subscriber", "list", "--json").out
    path = written(stocked, f"email,state,papers\nADA@example.org,paused,9\n{BELA},active,9\n")
    assert counts(stocked.json("subscriber", "import", path)) == {"already_there": 2}
    assert stocked("subscriber", "list", "--json").out == before


@pytest.mark.parametrize("state", ["active", "pending", "paused", "unsubscribed", "bounced", ""])
def test_nobody_is_taken_whose_address_must_not_be_mailed(cli: Cli, state: str) -> None:
    suppress(cli, ADA)
    path = written(cli, f"email,state\nAda@example.ORG,{state}\n{BELA},active\n")
    said = cli.json("subscriber", "import", path)
    assert counts(said) == {"added": 1, "suppressed": 1}
    assert states(cli) == {BELA: "active"}
    [problem] = said["problems"]
    assert (problem["line"], problem["email"], problem["kind"]) == (2, "Ada@example.org", "suppressed")


def test_bad_rows_are_named_with_line_address_and_what_to_do_and_cost_nobody_else(cli: Cli) -> None:
    rows = [
        ("ada", "", "", "", "", "is not a mail address"),
        (BELA, "Mars/Olympus", "", "", "", "use a name such as Europe/Berlin"),
        (CARA, "", "25:00", "", "", "use HH:MM"),
        (DORA, "", "", "51", "", "use 1 to 50"),
        (DORA, "", "", "five", "", "use 1 to 50"),
        (EVE, "", "", "", "subscribed", "use pending, active, paused, unsubscribed, bounced"),
        ("", "UTC", "", "", "", "has no mail address"),
    ]
    lines = "".join(",".join(cells) + f"\ngood{number}@example.org,,,,\n" for number, (*cells, _) in enumerate(rows))
    path = written(cli, "email,timezone,send_at,papers,state\n" + lines)
    said = cli("subscriber", "import", path)
    assert said.out.startswith("7 added, 0 already there, 0 suppressed, 0 repeated, 7 bad\n")
    assert set(states(cli)) == {f"good{number}@example.org" for number in range(7)}
    for number, (line, row) in enumerate(zip(said.err.splitlines(), rows, strict=True)):
        assert f"subscribers.csv, line {2 * number + 2}: " in line
        assert row[0] in line
        assert row[-1] in line


def test_an_address_that_comes_twice_counts_once_and_is_named(cli: Cli) -> None:
    path = written(cli, f"email,papers\n{ADA},99\n{ADA},3\n\nADA@EXAMPLE.ORG,4\n")
    said = cli.json("subscriber", "import", path)
    assert counts(said) == {"added": 1, "repeated": 1, "bad": 1}
    assert [(one["line"], one["kind"]) for one in said["problems"]] == [(2, "bad"), (5, "repeated")]
    assert "line 3" in said["problems"][1]["problem"]
    assert cli.json("subscriber", "show", ADA)["papers"] == 3


def test_a_dry_run_says_the_same_and_changes_nothing(cli: Cli) -> None:
    cli("subscriber", "add", BELA, "--confirmed")
    suppress(cli, CARA)
    path = written(cli, f"email,state,name\n{ADA},,x\n{BELA},,x\n{CARA},active,x\n{ADA},,x\nx,,x\n{DORA},bounced,x\n")
    dry = cli.json("subscriber", "import", path, "--dry-run")
    assert states(cli) == {BELA: "active"}
    assert cli.json("send")["sent"] == 0
    assert cli("subscriber", "import", path, "--dry-run").out.startswith("nothing is changed; would be: 2 added, ")
    real = cli.json("subscriber", "import", path)
    assert (dry.pop("dry_run"), real.pop("dry_run")) == (True, False)
    assert dry == real
    assert counts(real) == {"added": 2, "already_there": 1, "suppressed": 1, "repeated": 1, "bad": 1}


def test_columns_of_another_mailer_are_left_out_and_named(cli: Cli) -> None:
    path = written(cli, f"First Name,Email Address,TIMEZONE,member rating\nAda,{ADA},Europe/Berlin,5\n")
    said = cli("subscriber", "import", path)
    assert said.err.splitlines() == [
        f"digestbot: {path}: columns that mean nothing here are left out: First Name, member rating"
    ]
    assert cli.json("subscriber", "show", ADA)["timezone"] == "Europe/Berlin"
    assert cli.json("subscriber", "import", path)["ignored_columns"] == ["First Name", "member rating"]


@pytest.mark.parametrize(
    ("column", "meant"), [("status", "state"), ("sends_at", "send_at"), ("category", "categories")]
)
def test_a_column_that_is_nearly_one_of_ours_is_not_passed_over(cli: Cli, column: str, meant: str) -> None:
    said = cli("subscriber", "import", written(cli, f"email,{column}\n{ADA},unsubscribed\n"), code=1).err
    assert f"'{column}'" in said
    assert f"is it {meant}?" in said
    assert states(cli) == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (b"ada@example.org\n", "one of them email"),
        (b"name;state\nAda;active\n", "one of them email"),
        (b"email,EMAIL\na@example.org,b@example.org\n", "is there 2 times"),
        ("email\nada@example.org\n".encode("utf-16-le"), "UTF-8"),
        (b"email\0\nada@example.org\n", "UTF-8"),
        (b"\x7fELF" + bytes(range(256)), "UTF-8"),
        (b"email" + b"," * 3_000_000, "UTF-8"),
        (b'"email\nada@example.org\n', "one of them email"),
    ],
)
def test_what_is_no_subscribers_file_is_refused_in_one_line(cli: Cli, content: bytes, problem: str) -> None:
    said = cli("subscriber", "import", written(cli, content), code=1).err
    assert problem in said
    assert len(said.splitlines()) == 1
    assert "subscribers.csv: " in said


def test_a_file_that_is_not_there_and_a_folder_are_wrong_usage(cli: Cli) -> None:
    assert "does not exist" in cli("subscriber", "import", str(cli.folder / "none.csv"), code=2).err
    assert "is a directory" in cli("subscriber", "import", str(cli.folder), code=2).err


def test_a_file_of_nothing_but_bad_rows_exits_1_and_one_without_rows_does_not(cli: Cli) -> None:
    assert cli.json("subscriber", "import", written(cli, "email\nx\ny\n"), code=1)["bad"] == 2
    cli("subscriber", "import", written(cli, "email\nx\ny\n"), code=1)
    assert counts(cli.json("subscriber", "import", written(cli, "email\n"))) == {}
    assert counts(cli.json("subscriber", "import", written(cli, f"email\n{ADA}\n"))) == {"added": 1}
    assert counts(cli.json("subscriber", "import", written(cli, f"email\n{ADA}\nx\n"))) == {
        "already_there": 1,
        "bad": 1,
    }


def test_of_very_many_bad_rows_the_first_are_named_and_the_rest_counted(cli: Cli) -> None:
    path = written(cli, f"email\n{ADA}\n" + "x\n" * 60)
    *named, last = cli("subscriber", "import", path).err.splitlines()
    assert len(named) == 50
    assert "10 more lines" in last
    assert len(cli.json("subscriber", "import", path)["problems"]) == 60


def test_categories_that_no_paper_is_in_are_named_once(stocked: Cli) -> None:
    path = written(stocked, f'email,categories\n{BELA},cs.RO\n{CARA},"cs.XX;cs.RO"\n{DORA},cs.XX\n')
    said = stocked("subscriber", "import", path)
    assert said.err.splitlines() == ["digestbot: no paper here is in the category cs.XX; is that how it is written?"]


def test_an_export_imported_elsewhere_is_the_same_list(cli: Cli, tmp_path: Path) -> None:
    odd = [
        "--follow",
        "Zoë; Quill",
        "--follow",
        "author:Quill, Ada",
        "--follow",
        'word:the "new" owl',
        "--mute",
        "x, y",
    ]
    cli("subscriber", "add", BELA, "--confirmed", *odd, "--categories", "cs.IR,cell biology", "--papers", "3")
    cli("subscriber", "add", "Zed@example.org", "--days", "mon,thu", "--send-at", "6:00", "--timezone", "Asia/Tokyo")
    cli("subscriber", "add", ADA, "--language", "de", "--confirmed")
    cli("subscriber", "remove", ADA)
    cli("subscriber", "import", written(cli, f"email,state\n{CARA},bounced\n{DORA},paused\n"))
    exported = cli("subscriber", "export").raw
    other = Cli(tmp_path / "other", cli.capture)
    other.folder.mkdir()
    other.configure("")
    assert counts(other.json("subscriber", "import", written(other, exported))) == {"added": 5}
    assert other("subscriber", "export").raw == exported

    def values(one: Cli) -> list[dict[str, Any]]:
        return [
            {key: value for key, value in found.items() if key not in ("id", "created_at")}
            for found in one.json("subscriber", "list")
        ]

    assert values(other) == values(cli)
    addresses = [line.partition(b",")[0] for line in exported.splitlines()]
    assert addresses == [b"email", *(one.encode() for one in (ADA, BELA, CARA, DORA, "Zed@example.org"))]


def test_an_export_of_nobody_is_a_header_that_can_be_imported(cli: Cli) -> None:
    exported = cli("subscriber", "export").raw
    assert exported == b"email,timezone,send_at,days,papers,state,language,categories,follows,mutes\n"
    assert counts(cli.json("subscriber", "import", written(cli, exported))) == {}


ROWS = 12_000


@needs_posix
def test_an_import_that_is_killed_is_completed_by_the_next(cli: Cli) -> None:
    path = written(cli, "email\n" + "".join(f"reader{number}@example.org\n" for number in range(ROWS)))
    cli("subscriber", "list")
    store = new_store(cli.folder / "digestbot.sqlite")

    def count(table: str) -> int:
        return int(store.database.rows(f"select count(*) from {table}")[0][0])

    settings = cli.folder / "settings.toml"
    victim = subprocess.Popen(command(settings, "subscriber", "import", path), stdout=subprocess.DEVNULL, env=environ())
    try:
        deadline = time.monotonic() + PATIENCE
        while not count("subscribers") and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(PATIENCE)
    there = count("subscribers")
    assert 0 < there < ROWS
    assert count("deliveries") == there, "nobody is in without the mail that asks"
    written(cli, "email\n" + "".join(f"reader{number}@example.org\n" for number in range(there + 5)))
    assert counts(cli.json("subscriber", "import", path)) == {"added": 5, "already_there": there}
    assert count("deliveries") == there + 5
    store.close()
