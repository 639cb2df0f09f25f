"""Settings: the defaults, the environment, and what names a mistake."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from digestbot.errors import SettingsError
from digestbot.settings import Settings, packaged, read_settings


def written(folder: Path, text: str, name: str = "settings.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    return read_settings(written(folder, text), environ or {}, folder=folder)


def refused(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environ)
    return str(caught.value)


# the sample and the defaults


def test_the_sample_settings_are_exactly_the_defaults(tmp_path: Path) -> None:
    sample = packaged("settings.toml")
    assert read_settings(sample, {}, folder=tmp_path).model_dump() == Settings().model_dump()


def test_the_sample_names_every_setting_and_no_other() -> None:
    text = packaged("settings.toml").read_text(encoding="utf-8")
    # An empty list of tables cannot be written so that others can follow it: feeds stand there as comments.
    for line in ("[[sources.feeds]]", "name = ", "url = ", "enabled = ", "pace = "):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    sample = tomllib.loads(text)

    def names(values: Mapping[str, Any]) -> Iterator[str]:
        for name, value in values.items():
            yield from ((f"{name}.{below}" for below in names(value)) if isinstance(value, dict) and value else [name])

    def declared(model: type[BaseModel]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from (f"{name}.{below}" for below in declared(inner))
            else:
                yield name

    assert sorted(names(sample)) == sorted(declared(Settings))


def test_without_a_file_the_defaults_hold_and_paths_are_in_the_folder(tmp_path: Path) -> None:
    settings = read_settings(None, {}, folder=tmp_path)
    assert settings.model_dump() == Settings().model_dump()
    assert settings.path("database") == tmp_path / "digestbot.sqlite"


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    path = written(tmp_path / "etc", 'database = "../data/d.sqlite"\nmailbox = "/var/mail"\ntemplates = "mine"\n')
    settings = read_settings(path, {}, folder=tmp_path / "elsewhere")
    assert settings.path("database").resolve() == tmp_path / "data" / "d.sqlite"
    assert settings.path("mailbox") == Path("/var/mail")
    assert settings.override_templates == tmp_path / "etc" / "mine"
    assert read(tmp_path, "").override_templates is None


@pytest.mark.parametrize(
    ("web", "expected"),
    [
        ("", "http://127.0.0.1:8000"),
        ("port = 81", "http://127.0.0.1:81"),
        ('host = "::1"', "http://[::1]:8000"),
        ('base_url = "https://papers.example.org/"', "https://papers.example.org"),
    ],
)
def test_the_address_of_the_pages(tmp_path: Path, web: str, expected: str) -> None:
    assert read(tmp_path, f"[web]\n{web}\n").base_url == expected


def test_days_and_times_have_one_way_to_be_written(tmp_path: Path) -> None:
    settings = read(tmp_path, '[schedule]\ndays = "fri"\nsend_at = "7:30"\n')
    assert (settings.schedule.days, settings.schedule.send_at) == ("weekly", "07:30")


# mistakes


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("databse = 'x'", "databse: there is no such setting; did you mean database?"),
        ("[smtp]\nhots = 'x'", "smtp.hots: there is no such setting; did you mean smtp.host?"),
        ("[sources.arxiv]\ncategory = []", "sources.arxiv.category: there is no such setting"),
        ("[digests]\npapers = 3", "digests: there is no such setting; did you mean digest?"),
        ("[smtp]\nport = 'mail'", "smtp.port: "),
        ("[smtp]\nport = 70000", "smtp.port: "),
        ("[smtp]\nsecurity = 'ssl'", "smtp.security: "),
        ('[smtp]\nhost = "a\\nb"', "smtp.host: must be one line"),
        ("[web]\nbase_url = 'papers.example.org'", "web.base_url: must begin with https://"),
        ("[web]\nbase_url = 'https://exämple.org'", "web.base_url: is not a web address"),
        ("[web]\nbase_url = 'https://a b>c.org'", "web.base_url: is not a web address"),
        ("[web]\nbase_url = 'https://'", "web.base_url: is not a web address"),
        ("[mail]\nsender = 'd@exämple.org'", "mail.sender: needs an address in ASCII"),
        ("[mail]\nsender = 'nobody'", "mail.sender: is not a mail address"),
        ('[mail]\nsender = "a@example.org\\r\\nBcc: b@example.org"', "mail.sender: is not a mail address"),
        ("[mail]\nreply_to = 'nobody'", "mail.reply_to: is not a mail address"),
        ("[schedule]\ntimezone = 'Mars/Base'", "schedule.timezone: 'Mars/Base' is not a time zone"),
        ("[schedule]\nsend_at = '25:00'", "schedule.send_at: '25:00' is not a time of day"),
        ("[schedule]\ndays = 'sometimes'", "schedule.days: 'sometimes' does not name days"),
        ("[digest]\npapers = 0", "digest.papers: "),
        ("[digest]\nwindow_days = 15", "digest.window_days: "),
        ("[ranking]\ndimensions = 'all'", "ranking.dimensions: "),
        ("[sources.arxiv]\ncategories = 'cs.CL'", "sources.arxiv.categories: "),
        ("smtp = 'mail.example.org'", "smtp: "),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, named: str) -> None:
    problem = refused(tmp_path, text)
    assert problem.startswith(f"{tmp_path / 'settings.toml'}: {named}"), problem
    assert "\n" not in problem


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    problem = refused(tmp_path, "databse = 'x'\n[web]\nport = -1\n[smtp]\nhots = 'x'\n")
    assert all(name in problem for name in ("databse:", "web.port:", "smtp.hots:"))


@pytest.mark.parametrize("content", [b"database = ", b"[smtp\nhost = 1", b"\xff\xfe\x00", b"a = 1\na = 2", b"<xml/>"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.toml: is not TOML"):
        read_settings(path, {}, folder=tmp_path)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mine\.toml: there is no such settings file"):
        read_settings(tmp_path / "mine.toml", {}, folder=tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path, {}, folder=tmp_path)


# the environment


def test_the_environment_overrules_the_file(tmp_path: Path) -> None:
    environ = {
        "DIGESTBOT_SMTP__HOST": "mail.example.org",
        "DIGESTBOT_SMTP__PORT": "587",
        "DIGESTBOT_DATABASE": "other.sqlite",
        "DIGESTBOT_SOURCES__ARXIV__CATEGORIES": '["cs.AI"]',
        "DIGESTBOT_SOURCES__ARXIV__ENABLED": "false",
        "PATH": "/bin",
        "HOST": "not ours",
    }
    settings = read(tmp_path, '[smtp]\nhost = "old"\nusername = "bot"\n[digest]\npapers = 4\n', environ)
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.username) == ("mail.example.org", 587, "bot")
    assert (settings.database, settings.digest.papers) == ("other.sqlite", 4)
    assert (settings.sources.arxiv.categories, settings.sources.arxiv.enabled) == (("cs.AI",), False)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("DIGESTBOT_SMTP__PORT", "mail", "smtp.port: "),
        ("DIGESTBOT_SMTP__HOTS", "x", "smtp.hots: there is no such setting; did you mean smtp.host?"),
        ("DIGESTBOT_SCHEDULE__TIMEZONE", "Mars/Base", "schedule.timezone: 'Mars/Base' is not a time zone"),
    ],
)
def test_a_mistake_in_the_environment_is_named_with_its_variable(
    tmp_path: Path, name: str, value: str, named: str
) -> None:
    problem = refused(tmp_path, "", {name: value})
    assert problem.startswith(f"environment, {name}: {named}"), problem


def test_a_list_in_the_environment_that_is_not_json_names_the_variable(tmp_path: Path) -> None:
    problem = refused(tmp_path, "", {"DIGESTBOT_SOURCES__ARXIV__CATEGORIES": "cs.AI"})
    assert problem.startswith("environment")
    assert "DIGESTBOT_SOURCES__ARXIV__CATEGORIES: is not JSON" in problem


def test_the_real_environment_is_not_read_behind_our_back(tmp_path: Path) -> None:
    os.environ["DIGESTBOT_SMTP__HOST"] = "surprise.example.org"
    try:
        assert read(tmp_path, "").smtp.host == ""
    finally:
        del os.environ["DIGESTBOT_SMTP__HOST"]


def test_mistakes_of_the_file_and_of_the_environment_are_told_apart(tmp_path: Path) -> None:
    problem = refused(tmp_path, "[web]\nport = -1\n", {"DIGESTBOT_SMTP__PORT": "mail"})
    assert f"{tmp_path / 'settings.toml'}: web.port: " in problem
    assert "environment, DIGESTBOT_SMTP__PORT: smtp.port: " in problem


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("DIGESTBOT_SMTPP__HOST", "DIGESTBOT_SMTP__HOST"),
        ("DIGESTBOT_SMTP_HOST", "DIGESTBOT_SMTP__HOST"),
        ("DIGESTBOT_DATABSE", "DIGESTBOT_DATABASE"),
        ("DIGESTBOT_SOURCES_ARXIV__CATEGORIES", "DIGESTBOT_SOURCES__ARXIV__CATEGORIES"),
        ("DIGESTBOT_SMTP_PASSWORD__FILE", "DIGESTBOT_SMTP_PASSWORD"),
        ("DIGESTBOT_Smtp_Password", "DIGESTBOT_SMTP_PASSWORD"),
        ("DIGESTBOT_DATABASE__X", "DIGESTBOT_DATABASE"),
    ],
)
def test_a_variable_that_misses_one_of_ours_is_named_with_what_was_meant(
    tmp_path: Path, variable: str, meant: str
) -> None:
    with pytest.raises(SettingsError, match=f"{variable}: .*did you mean {meant}"):
        read(tmp_path, "", {variable: "x"})


def test_variables_of_others_that_begin_with_our_name_are_let_be(tmp_path: Path) -> None:
    others = {
        "DIGESTBOT_SERVICE_HOST": "10.0.0.1",
        "DIGESTBOT_WEB_PORT": "tcp://10.0.0.1:80",
        "DIGESTBOT_REQUIRE_PEERS": "1",
        "DIGESTBOT_SOAK": "1",
    }
    assert read(tmp_path, "", others) == read(tmp_path, "")
