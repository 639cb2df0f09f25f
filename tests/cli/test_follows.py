"""``subscriber add`` and ``edit``: what is followed and what is muted."""

from __future__ import annotations

import pytest

from tests.cli.conftest import ADA, Cli


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


def test_who_comes_back_still_follows_and_may_follow_more(stocked: Cli) -> None:
    stocked("subscriber", "edit", ADA, "--follow", "Ada Quill", "--mute", "owl")
    stocked("subscriber", "remove", ADA)
    assert "--unmute it first" in stocked("subscriber", "add", ADA, "--follow", "owl", code=1).err
    back = stocked.json("subscriber", "add", ADA, "--confirmed", "--follow", "word:parsing")
    assert (back["follows"], back["mutes"]) == (["Ada Quill", "word:parsing"], ["owl"])
