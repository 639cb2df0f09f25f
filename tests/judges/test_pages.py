"""The pages behind the links of a mail are judged by html-validate, and in Chromium by axe-core."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jinja2
import pytest

from digestbot.models import LANGUAGES
from tests.factories import new_store
from tests.judges.conftest import Judge
from tests.judges.mails import LONGEST
from tests.judges.pages import PAGES, write_all

pytestmark = pytest.mark.xdist_group("judges")

PHONE, DESKTOP, THUMB = 390, 1280, 44
# Structure is the same everywhere; only contrast is judged again.
LOOKS: dict[str, dict[str, Any]] = {
    "phone": {"width": PHONE},
    "desktop": {"width": DESKTOP, "only": ["color-contrast"]},
    "phone in the dark": {"width": PHONE, "dark": True, "only": ["color-contrast"]},
}
# Rules that the pages break, and why.
ALLOWED = {
    "long-title": "the title of a paper's page is the paper's; the rule is for search engines, which are not let in"
}
# What the bar at the lower edge lies over, axe cannot judge.
STICKY = "position:sticky;"


@pytest.fixture(scope="session")
def pages(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, templates: jinja2.Environment
) -> dict[str, dict[str, str]]:
    """Each page in each language."""
    made = {}
    for language in LANGUAGES:
        path = shutil.copyfile(empty_database, tmp_path_factory.mktemp("judged") / "digestbot.sqlite")
        with closing(new_store(path)) as store:
            made[language] = write_all(store, templates, language)
    return made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_a_validator_finds_no_error_in_a_page(
    judge: Judge, pages: dict[str, dict[str, str]], page: str, language: str
) -> None:
    found = judge("validate.mjs", pages[language])[page]
    assert [fault for fault in found if fault["rule"] not in ALLOWED] == []


@pytest.fixture
def seen(judge: Judge, peer: Callable[[str], str], pages: dict[str, dict[str, str]]) -> dict[str, Any]:
    shown = {name: page.replace(STICKY, "") for name, page in pages[LONGEST].items()}
    assert shown != pages[LONGEST]
    given = {"chromium": peer("chromium"), "pages": shown, "looks": LOOKS}
    found: dict[str, Any] = judge("browse.mjs", given)
    return found


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("page", PAGES)
def test_axe_objects_to_nothing_on_a_page(seen: dict[str, Any], page: str, look: str) -> None:
    assert seen[page][look]["objections"] == []


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_wider_than_its_screen(seen: dict[str, Any], page: str, look: str) -> None:
    assert seen[page][look]["width"] == LOOKS[look]["width"]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_on_a_phone_is_as_high_as_a_thumb_or_stands_in_a_sentence(
    seen: dict[str, Any], page: str
) -> None:
    links = seen[page]["phone"]["links"]
    assert [link for link in links if not link["running"] and link["height"] < THUMB] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fetches_nothing(seen: dict[str, Any], page: str) -> None:
    assert {address for look in LOOKS for address in seen[page][look]["requests"]} == set()
