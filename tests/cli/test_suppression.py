"""``suppression``: addresses that must not be mailed."""

from __future__ import annotations

import pytest

from digestbot.models import SubscriberState
from digestbot.store.suppressions import Cause
from tests.cli.conftest import ADA, Cli
from tests.factories import NOW, new_store


def state(cli: Cli, email: str = ADA) -> str:
    return str(cli.json("subscriber", "show", email)["state"])


def test_a_suppressed_address_is_not_mailed_and_its_subscriber_has_bounced(stocked: Cli) -> None:
    assert stocked("suppression", "add", "Ada@Example.org").out == "Ada@example.org is suppressed\n"
    assert state(stocked) == SubscriberState.BOUNCED
    assert stocked.json("send", "--at", "2025-05-27T08:00")["sent"] == 0
    refused = stocked("subscriber", "add", ADA, "--confirmed", code=1).err
    assert "suppressed; 'digestbot suppression list' says why" in refused


def test_the_list_shows_addresses_only_while_a_subscriber_has_them(stocked: Cli) -> None:
    assert stocked("suppression", "list").out == "no address is suppressed\n"
    stocked("suppression", "add", ADA, "gone@example.org", "--reason", "asked by phone\x1b[2J, gone@example.org")
    shown = stocked("suppression", "list").out
    assert ADA in shown
    assert "gone@example.org" not in shown
    assert "\x1b" not in shown
    ours, other = sorted(stocked.json("suppression", "list"), key=lambda one: one["email"] is None)
    assert (ours["email"], other["email"]) == (ADA, None)
    assert ours["reason"].startswith("asked by phone")
    assert (ours["cause"], "  the admin  " in shown) == ("admin", True)
    assert len(ours["address_hash"]) == 64
    assert ours["address_hash"][:12] in shown


def test_the_list_says_what_led_to_each(stocked: Cli) -> None:
    store = new_store(stocked.folder / "digestbot.sqlite")
    for cause in Cause:
        store.suppressions.suppress(f"{cause}@example.org", "what a server said", NOW, cause=cause)
    store.close()
    shown = stocked("suppression", "list").out
    words = ("a lasting failure", "failures on several days", "a complaint", "the admin", "an imported file")
    assert all(f"  {one}  " in shown for one in words)
    assert {one["cause"] for one in stocked.json("suppression", "list")} == set(Cause)


def test_suppressing_twice_changes_nothing_and_says_so(stocked: Cli) -> None:
    stocked("suppression", "add", ADA)
    before = stocked.json("suppression", "list")
    assert stocked("suppression", "add", ADA, ADA, "--reason", "another").out == f"{ADA} was suppressed already\n"
    assert stocked.json("suppression", "add", ADA) == [{"email": ADA, "changed": False}]
    assert stocked.json("suppression", "list") == before


def test_who_is_taken_off_the_list_is_mailed_once_added_again(stocked: Cli) -> None:
    stocked("suppression", "add", ADA)
    assert "can be mailed again" in stocked("suppression", "remove", ADA).out
    assert state(stocked) == SubscriberState.UNSUBSCRIBED
    stocked("subscriber", "add", ADA, "--confirmed")
    assert state(stocked) == SubscriberState.ACTIVE


def test_removing_names_what_was_not_suppressed_and_removes_the_others(stocked: Cli) -> None:
    stocked("suppression", "add", ADA)
    found = stocked("suppression", "remove", "nobody@example.org", ADA, code=1)
    assert "nobody@example.org: not suppressed; see 'digestbot suppression list'" in found.err
    assert stocked.json("suppression", "list") == []


@pytest.mark.parametrize("email", ["nobody", "a@b@c", ""])
def test_what_is_no_address_is_not_suppressed(stocked: Cli, email: str) -> None:
    assert "is not a mail address" in stocked("suppression", "add", ADA, email, code=2).err
    assert stocked.json("suppression", "list") == []


def test_a_suppression_outlives_the_removal_and_the_erasing_of_its_subscriber(stocked: Cli) -> None:
    stocked("suppression", "add", ADA)
    stocked("subscriber", "remove", ADA)
    store = new_store(stocked.folder / "digestbot.sqlite")
    with store.database.write() as connection:
        connection.execute("delete from subscribers")
    store.close()
    assert "suppressed" in stocked("subscriber", "add", ADA, "--confirmed", code=1).err
