"""Signed links: who can read which, and for how long."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from typing import Any, get_args
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from digestbot.errors import LinkError
from digestbot.links import CONFIRM_WITHIN, AddressPurpose, Links, Purpose, SignedAddresses
from tests.factories import KEY, NOW

BASE = "https://papers.example.org"
PURPOSES: list[Any] = ["f", "u", "p"]
identifiers = st.integers(0, 2**63 - 1)
keys = st.integers(0, 10**9).map(lambda number: f"key number {number} of the tests")
purposes = st.sampled_from(PURPOSES)
LINKS = Links(BASE, [KEY])


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


@given(identifiers, keys, purposes)
def test_a_token_survives_a_round_trip(identifier: int, key: str, purpose: Any) -> None:
    links = Links(BASE, [key])
    assert links.read(purpose, links.token(purpose, identifier)) == identifier


@given(identifiers, keys, keys, purposes)
def test_no_other_key_reads_a_token(identifier: int, key: str, other: str, purpose: Any) -> None:
    if key == other:
        return
    with pytest.raises(LinkError):
        Links(BASE, [other]).read(purpose, Links(BASE, [key]).token(purpose, identifier))


@given(identifiers, purposes)
def test_no_other_purpose_reads_a_token(identifier: int, purpose: Any) -> None:
    token = LINKS.token(purpose, identifier)
    for other in PURPOSES:
        if other != purpose:
            with pytest.raises(LinkError):
                LINKS.read(other, token)
    with pytest.raises(LinkError):
        LINKS.read_confirm(token, NOW)
    with pytest.raises(LinkError):
        LINKS.read(purpose, token_of(LINKS.confirm(identifier, NOW)))


@given(identifiers, st.data())
def test_a_changed_token_never_leads_to_somebody_else(identifier: int, data: st.DataObject) -> None:
    token = LINKS.token("u", identifier)
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.sampled_from("AZaz09-_.=é")) + token[place + 1 :]
    body = token.index(".")
    try:
        found = LINKS.read("u", changed)
    except LinkError:
        return
    # The last letter of a signature has bits to spare; what is signed has not.
    assert found == identifier
    assert changed[:body] == token[:body]


@given(identifiers, st.data())
def test_a_token_that_was_cut_off_is_refused(identifier: int, data: st.DataObject) -> None:
    token = LINKS.token("f", identifier)
    with pytest.raises(LinkError):
        LINKS.read("f", token[: data.draw(st.integers(0, len(token) - 1))])


@given(st.one_of(st.text(max_size=300), st.text("AZaz09-_.=", max_size=120)))
def test_garbage_of_any_kind_is_a_link_error_and_nothing_else(text: str) -> None:
    for purpose in PURPOSES:
        with pytest.raises(LinkError):
            LINKS.read(purpose, text)
    with pytest.raises(LinkError):
        LINKS.read_confirm(text, NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "\ud800", "\0", "a.b.c", "=" * 150, "x" * 10_000_000])
def test_odd_tokens_are_link_errors(text: str) -> None:
    with pytest.raises(LinkError):
        LINKS.read("f", text)
    with pytest.raises(LinkError):
        LINKS.read_confirm(text, NOW)


@given(identifiers, st.integers(0, 47 * 60 + 59), st.integers(1, 10**6))
def test_a_confirmation_holds_for_48_hours(identifier: int, minutes: int, after: int) -> None:
    token = token_of(LINKS.confirm(identifier, NOW))
    assert LINKS.read_confirm(token, NOW + timedelta(minutes=minutes)) == identifier
    assert LINKS.read_confirm(token, NOW + CONFIRM_WITHIN) == identifier
    with pytest.raises(LinkError, match="older than 48 hours"):
        LINKS.read_confirm(token, NOW + timedelta(hours=48, seconds=after))


def test_a_confirmation_of_another_time_is_another_token() -> None:
    early, late = (token_of(LINKS.confirm(7, NOW + timedelta(hours=hours))) for hours in (0, 1))
    head, _, signature = early.rpartition(".")
    forged = late.rpartition(".")[0] + "." + signature
    assert head != late.rpartition(".")[0]
    with pytest.raises(LinkError):
        LINKS.read_confirm(forged, NOW)


def test_the_newest_key_signs_and_every_key_reads() -> None:
    old = Links(BASE, ["the old key of the tests"])
    rotated = Links(BASE, ["the new key of the tests", "the old key of the tests"])
    assert rotated.read("u", old.token("u", 7)) == 7
    assert rotated.read_confirm(token_of(old.confirm(7, NOW)), NOW) == 7
    assert Links(BASE, ["the new key of the tests"]).read("u", rotated.token("u", 7)) == 7
    with pytest.raises(LinkError):
        old.read("u", rotated.token("u", 7))


@given(identifiers)
def test_links_are_short_plain_and_lead_to_their_pages(identifier: int) -> None:
    made = {
        "f": LINKS.feedback(identifier),
        "u": LINKS.unsubscribe(identifier),
        "p": LINKS.preferences(identifier),
        "c": LINKS.confirm(identifier, NOW),
    }
    for purpose, url in made.items():
        assert url.startswith(f"{BASE}/{purpose}/")
        assert set(token_of(url)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert len(token_of(url)) <= (34 if purpose != "c" else 70)


@given(identifiers, keys)
def test_links_of_mails_that_were_sent_with_whole_signatures_go_on_working(identifier: int, key: str) -> None:
    body = base64.urlsafe_b64encode(identifier.to_bytes(8)).rstrip(b"=")
    whole = Signer(key, salt="digestbot f", digest_method=hashlib.sha256).sign(body).decode()
    assert len(whole) > 50
    assert Links(BASE, [key]).read("f", whole) == identifier
    for cut in (whole[:-1], whole[:-4], whole[:40]):
        with pytest.raises(LinkError):
            Links(BASE, [key]).read("f", cut)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.text("a:/.%", min_size=1, max_size=12))
def test_the_address_of_a_paper_is_plain_and_holds_its_id(identifier: str) -> None:
    url = LINKS.paper(identifier)
    assert re.fullmatch(r"[A-Za-z0-9/:%._~-]+", url)
    assert unquote(url.removeprefix(f"{BASE}/paper/")) == identifier
    between = url.removeprefix(f"{BASE}/paper/").split("/")
    # Of these a browser makes a step up, or nothing at all.
    assert len(between) == 1 or {"", ".", ".."}.isdisjoint(between)


def test_ids_are_as_readable_in_addresses_as_they_can_be() -> None:
    assert LINKS.paper("arxiv:2505.18405") == f"{BASE}/paper/arxiv:2505.18405"
    assert LINKS.paper("doi:10.1101/2025.01.02.123456") == f"{BASE}/paper/doi:10.1101/2025.01.02.123456"
    assert LINKS.paper("lab:a/../b c") == f"{BASE}/paper/lab:a%2F..%2Fb%20c"


def test_the_same_link_is_the_same_text() -> None:
    assert Links(BASE, [KEY]).feedback(7) == Links(BASE + "/", [KEY]).feedback(7)
    assert Links(BASE, [KEY]).confirm(7, NOW) == Links(BASE, [KEY]).confirm(7, NOW)


def test_one_click_needs_https() -> None:
    assert Links(BASE, [KEY]).one_click
    assert not Links("http://127.0.0.1:8000", [KEY]).one_click


def test_every_purpose_is_tested_here() -> None:
    assert {*PURPOSES, "c"} == set(get_args(Purpose))


# mail addresses

ADDRESSES = SignedAddresses("Bounce.Example.org", [KEY])
MADE: dict[AddressPurpose, Any] = {"b": ADDRESSES.bounce, "u": ADDRESSES.unsubscribe}
address_purposes = st.sampled_from(list(MADE))


@given(identifiers, keys, address_purposes, st.randoms(use_true_random=False))
def test_an_address_survives_a_round_trip_and_any_change_of_case(
    identifier: int, key: str, purpose: AddressPurpose, random: Any
) -> None:
    addresses = SignedAddresses("bounce.example.org", [key])
    address = {"b": addresses.bounce, "u": addresses.unsubscribe}[purpose](identifier)
    relayed = "".join(random.choice((one.lower(), one.upper())) for one in address)
    assert addresses.read(purpose, address) == addresses.read(purpose, relayed) == identifier


@given(identifiers, address_purposes, st.data())
def test_an_address_with_one_character_changed_is_refused(
    identifier: int, purpose: AddressPurpose, data: st.DataObject
) -> None:
    address = MADE[purpose](identifier)
    place = data.draw(st.integers(0, len(address) - 1))
    other = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789+-=@. \0")
        | st.characters(codec="utf-8").filter(lambda one: one != address[place].upper())
    )
    if other == address[place]:
        return
    for changed in (address[:place] + other + address[place + 1 :], address[:place] + address[place + 1 :]):
        with pytest.raises(LinkError):
            ADDRESSES.read(purpose, changed)


@given(identifiers)
def test_every_last_letter_but_one_is_refused(identifier: int) -> None:
    # It has a bit to spare.
    local, at, domain = ADDRESSES.bounce(identifier).partition("@")
    read = []
    for last in "abcdefghijklmnopqrstuvwxyz234567":
        try:
            read.append(ADDRESSES.read("b", local[:-1] + last + at + domain))
        except LinkError:
            continue
    assert read == [identifier]


@given(identifiers, keys, keys, address_purposes)
def test_no_other_key_purpose_or_domain_reads_an_address(
    identifier: int, key: str, other: str, purpose: AddressPurpose
) -> None:
    own = SignedAddresses("bounce.example.org", [key])
    bounce, leave = own.bounce(identifier), own.unsubscribe(identifier)
    token = bounce.partition("+")[2]
    for wrong in (leave, f"unsub+{token}", f"b+{token}.example.net", f"b+{token.partition('@')[0]}@example.org"):
        with pytest.raises(LinkError):
            own.read("b", wrong)
    if key != other:
        with pytest.raises(LinkError):
            SignedAddresses("bounce.example.org", [other]).read(purpose, bounce if purpose == "b" else leave)


@given(st.text(max_size=200) | st.text("abz27+@.=", max_size=60) | st.just("b+" + "a" * 10**6 + "@bounce.example.org"))
def test_garbage_is_no_address_of_ours(text: str) -> None:
    for purpose in MADE:
        with pytest.raises(LinkError):
            ADDRESSES.read(purpose, text)


def test_the_newest_key_makes_addresses_and_every_key_reads_them() -> None:
    old = SignedAddresses("b.example.org", ["the old key of the tests"])
    rotated = SignedAddresses("b.example.org", ["the new key of the tests", "the old key of the tests"])
    assert rotated.read("b", old.bounce(7)) == 7
    assert SignedAddresses("b.example.org", ["the new key of the tests"]).read("b", rotated.bounce(7)) == 7
    with pytest.raises(LinkError):
        old.read("b", rotated.bounce(7))


@given(identifiers)
def test_addresses_are_short_small_and_fit_into_a_local_part(identifier: int) -> None:
    for address, prefix in ((ADDRESSES.bounce(identifier), "b"), (ADDRESSES.unsubscribe(identifier), "unsub")):
        assert re.fullmatch(rf"{prefix}\+[a-z2-7]{{29}}@bounce\.example\.org", address)
        assert len(address.partition("@")[0]) <= 64


def test_every_purpose_of_an_address_is_tested_here() -> None:
    assert set(MADE) == set(get_args(AddressPurpose))
