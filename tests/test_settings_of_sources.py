"""The settings of sources: a mistake is named before anything is asked, and no secret is shown with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from digestbot.errors import SettingsError
from digestbot.settings import Settings, read_settings


def read(folder: Path, text: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, {}, folder=folder)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return str(caught.value).removeprefix(f"{folder / 'settings.toml'}: ")


def feed(name: str = "lab", url: str = "https://example.org/feed") -> str:
    return f'[[sources.feeds]]\nname = "{name}"\nurl = "{url}"\n'


SERVICES = ("arxiv.feed_url", "arxiv.oai_url", "arxiv.api_url", "huggingface.url", "biorxiv.url", "medrxiv.url")


def service(key: str, url: str) -> str:
    section, name = key.split(".")
    return f'[sources.{section}]\n{name} = "{url}"\n'


@pytest.mark.parametrize("key", SERVICES)
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is empty"),
        ("https://example.org:70000/x", "has a port that cannot be"),
        ("https://example.org:0/x", "has a port that cannot be"),
        ("https://example.org/x?a=b", "has a ? or # in it"),
        ("https://example.org/x#a", "has a ? or # in it"),
        ("https://ada:S3CRET@example.org/x", "has a name or password in it; secrets do not belong here"),
        ("https://[::1/x", "is not a web address"),
    ],
)
def test_an_address_of_a_service_that_cannot_be_is_named(tmp_path: Path, key: str, url: str, problem: str) -> None:
    said = refused(tmp_path, service(key, url))
    assert said.startswith(f"sources.{key}: {problem}")
    assert "S3CRET" not in said


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is empty"),
        ("https://example.org:99999/f?apikey=S3CRET", "has a port that cannot be"),
        ("https://ada:S3CRET@example.org/f", "has a name or password in it; secrets do not belong here"),
        ("ada:S3CRET@example.org/f", "must begin with https://"),
    ],
)
def test_an_address_of_a_feed_that_cannot_be_is_named(tmp_path: Path, url: str, problem: str) -> None:
    said = refused(tmp_path, feed(url=url))
    assert said.startswith(f"sources.feeds.0.url: {problem}")
    assert "S3CRET" not in said


def test_a_feed_may_have_a_query(tmp_path: Path) -> None:
    url = "https://example.org:8443/f?topic=owls&apikey=S3CRET"
    assert read(tmp_path, feed(url=url)).sources.feeds[0].url == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [("https://example.org:65536", "has a port that cannot be"), ("https://ada@example.org", "has a name or password")],
)
def test_the_address_of_the_pages_is_looked_at_too_and_may_be_empty(tmp_path: Path, url: str, problem: str) -> None:
    assert refused(tmp_path, f'[web]\nbase_url = "{url}"').startswith(f"web.base_url: {problem}")
    assert read(tmp_path, '[web]\nbase_url = ""').web.base_url == ""


@pytest.mark.parametrize("category", ["cs.CL, cs.LG", "cs.CL+cs.LG", "cs CL", "", "cs.CL.x", "2503.02130"])
def test_what_is_no_category_of_arxiv_is_named(tmp_path: Path, category: str) -> None:
    said = refused(tmp_path, f'[sources.arxiv]\ncategories = ["cs.IR", "{category}"]')
    assert said.startswith(
        'sources.arxiv.categories.1: is no category of arXiv; write a list such as ["cs.CL", "cs.LG"]'
    )


def test_categories_of_arxiv_may_be_whole_archives(tmp_path: Path) -> None:
    wanted = ("cs", "math-ph", "cond-mat.mes-hall", "q-bio.NC", "physics.comp-ph")
    text = f"[sources.arxiv]\ncategories = {list(wanted)}"
    assert read(tmp_path, text).sources.arxiv.categories == wanted


@pytest.mark.parametrize("section", ["arxiv", "biorxiv"])
def test_a_list_that_is_none_is_told_how_to_be_one(tmp_path: Path, section: str) -> None:
    said = refused(tmp_path, f'[sources.{section}]\ncategories = "cs.LG"')
    assert said == f"sources.{section}.categories: write a list such as [\"cs.LG\"] (got 'cs.LG')"


def test_feeds_that_are_no_tables_are_told_how_to_be_some(tmp_path: Path) -> None:
    said = refused(tmp_path, '[sources]\nfeeds = "https://example.org/feed"')
    assert said.startswith("sources.feeds: write each feed as a table, [[sources.feeds]]")


@pytest.mark.parametrize("name", ["Lab", "lab notes", "-lab", "", "l" * 41, "bäume", "lab:1"])
def test_a_name_of_a_feed_that_cannot_be_is_told_how_to_be_one(tmp_path: Path, name: str) -> None:
    said = refused(tmp_path, feed(name))
    assert said.startswith("sources.feeds.0.name: is no name; use small letters, digits and -")


@pytest.mark.parametrize(
    "name", ["arxiv", "huggingface", "biorxiv", "medrxiv", "files", "doi", "file", "title", "feed"]
)
def test_a_feed_may_not_be_called_like_another_source_or_like_what_ids_begin_with(tmp_path: Path, name: str) -> None:
    assert f"the name '{name}' is taken" in refused(tmp_path, feed(name))
    assert f"the name '{name}x' is taken" in refused(tmp_path, feed(f"{name}x") + feed(f"{name}x"))
