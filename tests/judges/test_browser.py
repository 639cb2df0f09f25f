"""The mails in Chromium: judged by axe-core, measured with a thumb in mind, and watched for what they fetch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from tests.judges.conftest import Judge
from tests.judges.mails import LONGEST, MAILS, TO_THE_ADMIN, documents

pytestmark = pytest.mark.xdist_group("judges")

PHONE, DESKTOP, THUMB = 390, 1280, 44
# Structure is the same in the dark and without the style block; only contrast is judged again there.
LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"width": PHONE},
    "desktop": {"width": DESKTOP},
    "phone in the dark": {"width": PHONE, "dark": True, "only": ["color-contrast"]},
    "style block stripped, in the dark": {"width": PHONE, "dark": True, "bare": True, "only": ["color-contrast"]},
}
# Lists of the other sorts look like a daily one.
OTHERS = ("first", "catch-up", "one paper")
SEEN = (*(one for one in MAILS if one.endswith(f" {LONGEST}") and not one.startswith(OTHERS)), *TO_THE_ADMIN)
# They say what to do at a command line.
LINKLESS = ("stopped", "refused", "test")
WRONG = """<!DOCTYPE html><html lang="en"><head><title>x</title>
<style>@media (prefers-color-scheme:dark){p{background:#000;color:#222}}</style></head>
<body><main><h1>x</h1><p style="width:2000px">Read <a href="https://example.org/1">this</a></p>
<div><a href="https://example.org/2">That</a></div><img src="http://127.0.0.1:9/x.png" alt="x"></main></body></html>"""

# What was found, by mail and then by look.
Seen: TypeAlias = dict[str, dict[str, Any]]


@pytest.fixture
def seen(judge: Judge, peer: Callable[[str], str], mails: dict[str, bytes]) -> Seen:
    pages = documents({name: mails[name] for name in SEEN}) | {"wrong": WRONG}
    found: Seen = judge("browse.mjs", {"chromium": peer("chromium"), "pages": pages, "looks": LOOKS})
    return found


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", SEEN)
def test_axe_objects_to_nothing(seen: Seen, name: str, look: str) -> None:
    assert seen[name][look]["objections"] == []


@pytest.mark.parametrize("name", SEEN)
def test_every_link_on_a_phone_is_as_high_as_a_thumb_or_stands_in_a_sentence(seen: Seen, name: str) -> None:
    links = seen[name]["phone"]["links"]
    assert bool(links) == (name not in LINKLESS)
    assert [link for link in links if not link["running"] and link["height"] < THUMB] == []


@pytest.mark.parametrize("name", SEEN)
def test_what_is_pressed_is_as_high_on_a_desktop(seen: Seen, name: str) -> None:
    links = [link for link in seen[name]["desktop"]["links"] if not (link["running"] or link["title"])]
    assert [link for link in links if link["height"] < THUMB] == []


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", SEEN)
def test_no_mail_is_wider_than_its_screen(seen: Seen, name: str, look: str) -> None:
    assert seen[name][look]["width"] == LOOKS[look]["width"]


@pytest.mark.parametrize("name", SEEN)
def test_a_mail_fetches_nothing(seen: Seen, name: str) -> None:
    assert {address for look in LOOKS for address in seen[name][look]["requests"]} == set()


def test_the_browser_sees_what_is_wrong(seen: Seen) -> None:
    found = seen["wrong"]
    assert {one["rule"] for one in found["phone in the dark"]["objections"]} == {"color-contrast"}
    assert "color-contrast" not in {one["rule"] for one in found["phone"]["objections"]}
    links = [(link["running"], link["height"] < THUMB) for link in found["phone"]["links"]]
    assert links == [(True, True), (False, True)]
    assert found["desktop"]["width"] > DESKTOP
    assert found["desktop"]["requests"] == ["http://127.0.0.1:9/x.png"]
