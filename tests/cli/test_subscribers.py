"""``subscriber`` and ``rate``: who is added, edited, removed and comes back, and what they rate."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import ADA, Cli


def test_a_subscriber_is_added_with_what_was_asked_for(cli: Cli) -> None:
    options = ["--timezone", "Europe/Berlin", "--send-at", "6:30", "--days", "thu,mon", "--papers", "5"]
    options += ["--language", "DE"]
    added = cli.json("subscriber", "add", ADA, *options, "--categories", "cs.IR, cs.CL", "--confirmed")
    expected = {
        "email": ADA,
        "state": "active",
        "timezone": "Europe/Berlin",
        "send_at": "06:30",
        "days": "mon,thu",
        "language": "de",
        "papers": 5,
        "categories": ["cs.IR", "cs.CL"],
    }
    assert {key: added[key] for key in expected} == expected
    assert added["id"].isdecimal()
    assert cli.json("subscriber", "list") == [added]
    shown = cli.json("subscriber", "show", ADA)
    assert shown.items() >= expected.items()
    assert shown["next_due"].endswith("+00:00")
    for listing in (cli("subscriber", "list").out, cli("subscriber", "show", ADA).out):
        assert ADA in listing
        assert "06:30" in listing


def test_who_chose_a_language_is_written_to_in_it(cli: Cli) -> None:
    cli("subscriber", "add", ADA, "--language", "de")
    cli("subscriber", "add", "bela@example.org")
    cli("send")
    subjects = {line for mail in cli.mails() for line in mail.read_text().splitlines() if line.startswith("Subject")}
    assert len(subjects) == 2
    assert "Subject: Please confirm: mails of new papers" in subjects
    assert cli.json("subscriber", "edit", ADA, "--language", "en")["language"] == "en"
    cli("subscriber", "edit", ADA, "--language", "de")
    assert cli.json("subscriber", "edit", ADA, "--language", "")["language"] == "en"
    cli.configure('[mail]\nlanguage = "de"\n')
    assert {one["language"] for one in cli.json("subscriber", "list")} == {"de"}
    assert re.search(r"language +de\b", cli("subscriber", "show", ADA).out)


@pytest.mark.parametrize("language", ["fr", "deutsch", "de-AT", " "])
def test_a_language_that_is_not_there_is_an_error_that_names_those_there_are(cli: Cli, language: str) -> None:
    for command in (["subscriber", "add", ADA, "--language", language], ["subscriber", "list"]):
        said = cli(*command, code=2).err
        assert "is not a language of the mails; there are en (English), de (Deutsch)" in said
        cli.configure(f'[mail]\nlanguage = "{language}"\n')
    assert "mail.language" in cli("subscriber", "list", code=2).err


def test_without_confirmed_a_mail_asks_first(cli: Cli) -> None:
    assert cli.json("subscriber", "add", ADA)["state"] == "pending"
    assert cli.json("subscriber", "show", ADA)["next_due"] is None
    assert cli.json("send")["sent"] == 1
    (mail,) = cli.mails()
    assert b"To: ada@example.org\r\n" in mail.read_bytes()


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.org",
        "ada@b@example.org",
        "ada lovelace@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada\r\n@example.org",
        "ada@exam\nple.org",
        "ädä@example.org",
        f"{'a' * 65}@example.org",
        f"ada@{'example.' * 40}org",
        "",
    ],
)
def test_what_is_no_mail_address_is_refused_in_one_line(cli: Cli, address: str) -> None:
    found = cli("subscriber", "add", address, "--confirmed", code=2)
    assert "is not a mail address" in found.err
    assert len(found.err.splitlines()) == 1
    assert cli.json("subscriber", "list") == []


@pytest.mark.parametrize(
    "option",
    [
        ["--timezone", "Mars/Olympus"],
        ["--timezone", ""],
        ["--timezone", "../../etc/passwd"],
        ["--send-at", "24:00"],
        ["--send-at", "7"],
        ["--days", "someday"],
        ["--papers", "0"],
        ["--papers", "ten"],
        ["--follow", "--"],
        ["--follow", ""],
        ["--mute", "Ada\nQuill"],
        ["--mute", "x" * 101],
        ["--follow", "Ada Quill", "--mute", "ada  quill"],
        ["--follow", "Ada Quill", "--mute", "author:ada quill"],
        ["--categories", "cs.CV|cs.LG"],
        ["--categories", ".CL"],
        ["--categories", ", ;"],
        ["--categories", "x" * 61],
        ["--categories", ",".join(f"c{number}" for number in range(51))],
    ],
)
def test_a_wrong_choice_is_refused_and_nobody_is_added(cli: Cli, option: list[str]) -> None:
    cli("subscriber", "add", ADA, *option, code=2)
    assert cli.json("subscriber", "list") == []


def test_a_domain_in_other_letters_is_kept_in_ascii_and_found_in_both_forms(cli: Cli) -> None:
    ascii_form = "ada@xn--bcher-kva.example"
    assert cli.json("subscriber", "add", "ada@Bücher.example", "--confirmed")["email"] == ascii_form
    for form in ("ada@bücher.example", ascii_form, "ADA@BÜCHER.EXAMPLE"):
        assert cli.json("subscriber", "show", form)["email"] == ascii_form
    cli("subscriber", "add", "ada@bücher.example", code=1)
    cli("subscriber", "remove", "ada@bücher.example")
    assert cli.json("subscriber", "list")[0]["state"] == "unsubscribed"


def test_an_address_is_added_once_in_whatever_case(cli: Cli) -> None:
    cli("subscriber", "add", "Ada@Example.org", "--confirmed")
    assert "is a subscriber already (active)" in cli("subscriber", "add", "ada@example.ORG", code=1).err
    assert cli.json("subscriber", "show", "ADA@EXAMPLE.ORG")["email"] == "Ada@example.org"
    assert len(cli.json("subscriber", "list")) == 1


def test_who_left_comes_back_with_the_history(stocked: Cli) -> None:
    before = stocked.json("subscriber", "show", ADA)
    stocked("rate", ADA, "arxiv:2505.00001", "like")
    stocked("subscriber", "remove", ADA)
    gone = stocked.json("subscriber", "show", ADA)
    assert (gone["state"], gone["next_due"]) == ("unsubscribed", None)
    assert stocked.json("due", "--at", "2025-05-27T08:00") == []
    stocked("subscriber", "add", ADA, "--confirmed")
    back = stocked.json("subscriber", "show", ADA)
    assert (back["id"], back["state"], back["papers"]) == (before["id"], "active", 3)
    assert [one["paper_id"] for one in back["ratings"]] == ["arxiv:2505.00001"]


@pytest.mark.parametrize("command", [["show"], ["remove"], ["edit", "--papers", "3"]])
def test_who_is_no_subscriber_exits_1(cli: Cli, command: list[str]) -> None:
    assert "is not a subscriber" in cli("subscriber", *command, "eve@example.org", code=1).err


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    assert "digestbot subscriber add EMAIL" in cli("subscriber", "list").out


@pytest.mark.parametrize(
    "paper",
    [
        "arxiv:2505.00001",
        "2505.00001",
        "2505.00001v3",
        "arXiv:2505.00001v2",
        "https://arxiv.org/abs/2505.00001",
        "http://arxiv.org/pdf/2505.00001v1",
    ],
)
def test_a_paper_can_be_named_in_all_the_ways_arxiv_does(stocked: Cli, paper: str) -> None:
    assert stocked("rate", ADA, paper, "like").out == f"{ADA} likes arxiv:2505.00001\n"
    assert [(one["paper_id"], one["value"]) for one in stocked.json("subscriber", "show", ADA)["ratings"]] == [
        ("arxiv:2505.00001", 1)
    ]


def test_the_last_rating_wins_and_clear_takes_it_back(stocked: Cli) -> None:
    def values() -> list[int]:
        return [one["value"] for one in stocked.json("subscriber", "show", ADA)["ratings"]]

    stocked("rate", ADA, "2505.00001", "like")
    assert "(as before)" in stocked("rate", ADA, "2505.00001", "like").out
    stocked("rate", ADA, "2505.00001", "dislike")
    assert values() == [-1]
    assert "0 likes, 1 dislikes" in stocked("subscriber", "show", ADA).out
    stocked("rate", ADA, "2505.00001", "clear")
    assert values() == []


def test_rating_needs_a_paper_and_a_subscriber_that_are_there(stocked: Cli) -> None:
    assert "load it first" in stocked("rate", ADA, "doi:10.1000/nowhere", "like", code=1).err
    assert "is not a subscriber" in stocked("rate", "eve@example.org", "2505.00001", "like", code=1).err
    assert stocked.json("subscriber", "show", ADA)["ratings"] == []


def test_an_edit_changes_what_is_named_and_shows_what_holds(stocked: Cli) -> None:
    stocked("rate", ADA, "2505.00001", "like")
    before = stocked.json("subscriber", "show", ADA)
    options = ["--timezone", "Asia/Tokyo", "--send-at", "18:30", "--days", "mon", "--categories", "cs.RO,cs.AI"]
    options += ["--language", "de"]
    edited = stocked.json("subscriber", "edit", ADA, *options, "--follow", "Ada Quill", "--mute", "word:owl")
    expected = {
        "timezone": "Asia/Tokyo",
        "send_at": "18:30",
        "days": "mon",
        "language": "de",
        "categories": ["cs.RO", "cs.AI"],
        "follows": ["Ada Quill"],
        "mutes": ["word:owl"],
    }
    assert edited == before | expected | {"next_due": edited["next_due"]}
    assert edited == stocked.json("subscriber", "show", ADA)
    listing = stocked("subscriber", "edit", ADA, "--papers", "7", "--categories", "").out
    assert {line.split()[0]: line.split()[-1] for line in listing.splitlines()[1:] if line.strip()}.items() >= {
        ("papers", "7"),
        ("categories", "all"),
        ("mutes", "word:owl"),
    }
    assert stocked.json("subscriber", "show", ADA) == edited | {
        "papers": 7,
        "categories": [],
        "next_due": stocked.json("subscriber", "show", ADA)["next_due"],
    }


def test_an_edit_without_a_change_says_what_can_be_changed(stocked: Cli) -> None:
    found = stocked("subscriber", "edit", ADA, code=2)
    for option in ("--timezone", "--language", "--categories", "--follow", "--unfollow", "--mute", "--unmute"):
        assert option in found.err


@pytest.mark.parametrize(
    "option",
    [["--timezone", "Mars/Olympus"], ["--papers", "0"], ["--days", "someday"], ["--mute", "--"], ["--language", "xx"]],
)
def test_one_wrong_option_of_an_edit_changes_nothing(stocked: Cli, option: list[str]) -> None:
    before = stocked("subscriber", "list", "--json").out
    stocked("subscriber", "edit", ADA, "--send-at", "05:00", "--follow", "owl", *option, code=2)
    assert stocked("subscriber", "list", "--json").out == before
