"""``subscriber`` and ``rate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest

from tests.cli.conftest import Cli, entry
from tests.fakes.arxiv import Arxiv, World
from tests.fakes.server import serving

ADA = "ada@example.org"


def test_a_subscriber_is_added_with_what_was_asked_for(cli: Cli) -> None:
    options = ["--timezone", "Europe/Berlin", "--send-at", "6:30", "--days", "thu,mon", "--papers", "5"]
    added = cli.json("subscriber", "add", ADA, *options, "--categories", "cs.IR, cs.CL", "--confirmed")
    expected = {
        "email": ADA,
        "state": "active",
        "timezone": "Europe/Berlin",
        "send_at": "06:30",
        "days": "mon,thu",
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


def interests(cli: Cli) -> tuple[list[str], list[str]]:
    shown = cli.json("subscriber", "show", ADA)
    return shown["follows"], shown["mutes"]


def test_what_is_followed_and_muted_is_kept_as_it_is_written(cli: Cli) -> None:
    follow = ["--follow", "Author:  Ada Quill", "--follow", "owls", "--follow", "OWLS"]
    added = cli.json("subscriber", "add", ADA, "--confirmed", *follow, "--mute", "word:zero-shot")
    assert (added["follows"], added["mutes"]) == (["author:Ada Quill", "owls"], ["word:zero-shot"])
    assert cli.json("subscriber", "list") == [added]
    shown = cli("subscriber", "show", ADA).out
    assert "author:Ada Quill, owls" in shown
    assert "word:zero-shot" in shown


def test_an_edit_changes_what_is_named_and_shows_what_holds(stocked: Cli) -> None:
    stocked("rate", ADA, "2505.00001", "like")
    before = stocked.json("subscriber", "show", ADA)
    options = ["--timezone", "Asia/Tokyo", "--send-at", "18:30", "--days", "mon", "--categories", "cs.RO,cs.AI"]
    edited = stocked.json("subscriber", "edit", ADA, *options, "--follow", "Ada Quill", "--mute", "word:owl")
    expected = {
        "timezone": "Asia/Tokyo",
        "send_at": "18:30",
        "days": "mon",
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


def test_following_is_taken_back_by_whatever_spelling_and_more_comes_at_the_end(stocked: Cli) -> None:
    stocked("subscriber", "edit", ADA, "--follow", "Zoë Quill", "--follow", "zero-shot", "--mute", "owl")
    stocked("subscriber", "edit", ADA, "--unfollow", "ZOE QUILL", "--follow", "zero shot", "--follow", "author:Li")
    assert interests(stocked) == (["zero-shot", "author:Li"], ["owl"])
    stocked("subscriber", "edit", ADA, "--unmute", "OWL", "--follow", "owl", "--unfollow", "zero-shot")
    assert interests(stocked) == (["author:Li", "owl"], [])


def test_what_is_not_followed_cannot_be_taken_back_and_nothing_changes(stocked: Cli) -> None:
    options = ["--papers", "9", "--follow", "owl"]
    found = stocked("subscriber", "edit", ADA, *options, "--unmute", "Li", code=1)
    assert "'Li' is not muted; nothing is muted yet" in found.err
    stocked("subscriber", "edit", ADA, "--follow", "Ada Quill", "--follow", "word:parsing")
    found = stocked("subscriber", "edit", ADA, *options, "--unfollow", "author:Ada Quill", code=1)
    assert "'author:Ada Quill' is not followed; followed: Ada Quill, word:parsing" in found.err
    assert interests(stocked) == (["Ada Quill", "word:parsing"], [])
    assert stocked.json("subscriber", "show", ADA)["papers"] == 3


def test_nothing_is_both_followed_and_muted(stocked: Cli) -> None:
    stocked("subscriber", "edit", ADA, "--follow", "Ada Quill", "--mute", "word:owl")
    found = stocked("subscriber", "edit", ADA, "--mute", "ADA QUILL", code=1)
    assert "'ADA QUILL' cannot be both followed and muted; --unfollow it first" in found.err
    found = stocked("subscriber", "edit", ADA, "--follow", "word:owl", code=1)
    assert "'word:owl' cannot be both followed and muted; --unmute it first" in found.err
    for opposites in (["--follow", "x", "--mute", "X"], ["--unfollow", "x", "--follow", "X"]):
        assert "choose one" in stocked("subscriber", "edit", ADA, *opposites, code=2).err
    assert interests(stocked) == (["Ada Quill"], ["word:owl"])


@pytest.mark.parametrize(
    ("follow", "mute"),
    [
        ("Ada Quill", "author:ada quill"),
        ("author:Zoë Quill", "Quill, Zoe"),
        ("author:Ada Quill", "author:Quill, Ada"),
        ("Ada Quill", "word:ada quill"),
        ("owl", "word:owls"),
        ("word:matrices", "matrix"),
    ],
)
def test_what_can_mean_the_same_is_not_both_followed_and_muted(stocked: Cli, follow: str, mute: str) -> None:
    assert "can mean the same" in stocked("subscriber", "edit", ADA, "--follow", follow, "--mute", mute, code=2).err
    stocked("subscriber", "edit", ADA, "--follow", follow)
    found = stocked("subscriber", "edit", ADA, "--mute", mute, code=1)
    assert f"'{mute}' and '{follow}' can mean the same" in found.err
    assert f"--unfollow '{follow}' first" in found.err
    stocked("subscriber", "edit", ADA, "--unfollow", follow, "--mute", mute)
    assert f"--unmute '{mute}' first" in stocked("subscriber", "edit", ADA, "--follow", follow, code=1).err
    assert interests(stocked) == ([], [mute])


@pytest.mark.parametrize(
    ("follow", "mute"),
    [
        ("author:Ada Quill", "word:ada quill"),
        ("author:Song", "song"),
        ("author:Quill", "author:Adam Quill"),
        ("word:zero-shot", "word:zero-shot parsing"),
    ],
)
def test_what_differs_can_be_followed_and_muted(stocked: Cli, follow: str, mute: str) -> None:
    stocked("subscriber", "edit", ADA, "--follow", follow, "--mute", mute)
    assert interests(stocked) == ([follow], [mute])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("cs.CV;cs.LG", ["cs.CV", "cs.LG"]),
        (" cell   biology , q-bio.NC;;R&D,", ["cell biology", "q-bio.NC", "R&D"]),
        ("cs.IR,CS.ir,cs.IR", ["cs.IR"]),
        ("Künstliche Intelligenz,animal_behavior/cognition", ["Künstliche Intelligenz", "animal_behavior/cognition"]),
        ("x" * 60, ["x" * 60]),
        (" ", []),
    ],
)
def test_categories_are_parted_by_commas_and_semicolons_and_may_have_blanks(
    stocked: Cli, typed: str, kept: list[str]
) -> None:
    stocked("subscriber", "edit", ADA, "--categories", "cs.AI")
    assert stocked.json("subscriber", "edit", ADA, "--categories", typed)["categories"] == kept


def test_categories_that_no_paper_is_in_are_named_in_a_warning(stocked: Cli) -> None:
    stocked.load(entry(11, categories=["cell biology"]), entry(12, categories=["R&D"]))
    fitting = stocked("subscriber", "edit", ADA, "--categories", "Cell Biology, R&D, cs, cs.ro")
    assert fitting.err == ""
    for command in (["edit", ADA], ["add", "bela@example.org", "--json"]):
        odd = stocked("subscriber", *command, "--categories", "cell, cs.RO, cs RO, cs.R, cell biology")
        assert odd.err == "digestbot: no paper here is in the category cell, cs RO, cs.R; is that how it is written?\n"


@pytest.mark.parametrize("change", [["--categories", "cs.XY"], ["--mute", "robots"]])
def test_a_preview_says_when_it_is_the_choices_that_leave_nothing(stocked: Cli, change: list[str]) -> None:
    preview = ["preview", ADA, "--at", "2025-05-27T08:00"]
    stocked(*preview)
    stocked("subscriber", "edit", ADA, *change)
    found = stocked(*preview, code=1).err
    assert "none of the new papers for 2025-05-27 (8) is in the categories, not muted and above min_score" in found
    assert "load papers first" not in found


def test_a_preview_says_when_a_floor_leaves_nothing(stocked: Cli) -> None:
    stocked("rate", ADA, "2505.00001", "like")
    stocked.configure("[digest]\nmin_score = 1.0\nexplore = 0\n")
    found = stocked("preview", ADA, "--at", "2025-05-27T08:00", code=1).err
    assert "none of the new papers for 2025-05-27 (7)" in found


def test_a_preview_with_every_paper_rated_says_that_none_is_new(stocked: Cli) -> None:
    for number in range(1, 9):
        stocked("rate", ADA, f"2505.{number:05d}", "dislike")
    assert "there is no new paper" in stocked("preview", ADA, "--at", "2025-05-27T08:00", code=1).err


def test_without_papers_nothing_is_said_of_categories(cli: Cli) -> None:
    assert cli("subscriber", "add", ADA, "--categories", "cs.IR", "--confirmed").err == ""


def test_at_most_two_hundred_are_followed(stocked: Cli) -> None:
    many = [text for number in range(200) for text in ("--follow", f"word:w{number}")]
    stocked("subscriber", "edit", ADA, *many)
    assert "at most 200" in stocked("subscriber", "edit", ADA, "--follow", "word:one more", code=2).err
    stocked("subscriber", "edit", ADA, "--unfollow", "word:w7", "--follow", "word:one more", "--mute", "word:w7")
    follows, mutes = interests(stocked)
    assert (len(follows), follows[-1], mutes) == (200, "word:one more", ["word:w7"])
    long = stocked("subscriber", "edit", ADA, "--unfollow", "word:nothing", code=1).err
    assert "word:w0" in long
    assert "and 190 more" in long


def test_an_edit_without_a_change_says_what_can_be_changed(stocked: Cli) -> None:
    found = stocked("subscriber", "edit", ADA, code=2)
    for option in ("--timezone", "--categories", "--follow", "--unfollow", "--mute", "--unmute"):
        assert option in found.err


@pytest.mark.parametrize(
    "option", [["--timezone", "Mars/Olympus"], ["--papers", "0"], ["--days", "someday"], ["--mute", "--"]]
)
def test_one_wrong_option_of_an_edit_changes_nothing(stocked: Cli, option: list[str]) -> None:
    before = stocked("subscriber", "list", "--json").out
    stocked("subscriber", "edit", ADA, "--send-at", "05:00", "--follow", "owl", *option, code=2)
    assert stocked("subscriber", "list", "--json").out == before


def test_who_comes_back_still_follows_and_may_follow_more(stocked: Cli) -> None:
    stocked("subscriber", "edit", ADA, "--follow", "Ada Quill", "--mute", "owl")
    stocked("subscriber", "remove", ADA)
    assert "--unmute it first" in stocked("subscriber", "add", ADA, "--follow", "owl", code=1).err
    back = stocked.json("subscriber", "add", ADA, "--confirmed", "--follow", "word:parsing")
    assert (back["follows"], back["mutes"]) == (["Ada Quill", "word:parsing"], ["owl"])


def test_seed_papers_are_likes_from_the_start(stocked: Cli) -> None:
    liked = ["--like", "2505.00001", "--like", "https://arxiv.org/abs/2505.00002v1", "--like", "arxiv:2505.00001"]
    stocked("subscriber", "add", "bela@example.org", *liked)
    shown = stocked.json("subscriber", "show", "bela@example.org")
    assert shown["state"] == "pending"
    assert [(one["paper_id"], one["value"]) for one in shown["ratings"]] == [
        ("arxiv:2505.00001", 1),
        ("arxiv:2505.00002", 1),
    ]


def test_a_seed_paper_that_is_not_here_adds_nobody(stocked: Cli) -> None:
    unknown = ["--like", "2505.00001", "--like", "doi:10.1000/nowhere", "--like", "blog:post"]
    found = stocked("subscriber", "add", "bela@example.org", "--confirmed", *unknown, code=1)
    assert "doi:10.1000/nowhere, blog:post: there is no such paper here; load it first" in found.err
    assert [one["email"] for one in stocked.json("subscriber", "list")] == [ADA]


@pytest.fixture
def arxiv(cli: Cli) -> Iterator[Arxiv]:
    """A simulated arXiv that the installation asks for single papers."""
    world = World(date(2026, 6, 1), date(2026, 6, 5), papers_a_day=5, seed=5)
    world.now = datetime(2026, 6, 5, 12, tzinfo=UTC)
    with serving(Arxiv(world=world)) as made:
        cli.configure(f'[sources]\npatience = 0.1\n[sources.arxiv]\napi_url = "{made.api_url}"\npace = 0\n')
        yield made


def there(arxiv: Arxiv) -> list[str]:
    return sorted(f"arxiv:{state.id}" for state in arxiv.world.view("api").values() if not state.deleted)


def test_a_seed_paper_of_arxiv_is_fetched_once_for_all_that_name_it(cli: Cli, arxiv: Arxiv) -> None:
    first, second = there(arxiv)[:2]
    cli("subscriber", "add", ADA, "--like", first, "--like", second.removeprefix("arxiv:") + "v1")
    assert [one["paper_id"] for one in cli.json("subscriber", "show", ADA)["ratings"]] == [first, second]
    cli("rate", ADA, first, "dislike")
    assert len(arxiv.api.asked) == 1


def test_a_paper_that_arxiv_does_not_know_is_named_and_nobody_is_added(cli: Cli, arxiv: Arxiv) -> None:
    found = cli("subscriber", "add", ADA, "--like", there(arxiv)[0], "--like", "2606.99999", code=1)
    assert found.err == "digestbot: arxiv:2606.99999: arXiv knows no such paper\n"
    assert cli.json("subscriber", "list") == []


def test_when_arxiv_cannot_be_asked_nobody_is_added(cli: Cli, free_port: Callable[[], int]) -> None:
    api_url = f"http://127.0.0.1:{free_port()}/api"
    cli.configure(f'[sources]\npatience = 0.1\n[sources.arxiv]\napi_url = "{api_url}"\npace = 0\n')
    cli("subscriber", "add", ADA, "--like", "2505.18405", code=1)
    assert cli.json("subscriber", "list") == []
