"""Settings of signatures, and the files of their keys."""

from __future__ import annotations

import stat
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_elliptic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from digestbot.errors import SettingsError
from digestbot.settings import Settings, read_settings
from digestbot.settings.dkim_keys import make_keys, read_keys, signing_domain, signing_keys
from digestbot.settings.files import create_private
from tests.required import needs_posix
from tests.test_settings import read, refused

SENDER = '[mail]\nsender = "digest@example.org"\n'
RSA, ED25519 = "digestbot-rsa.pem", "digestbot-ed.pem"


def pem(key: PrivateKeyTypes, lock: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption())


@pytest.fixture(scope="session")
def good() -> dict[str, bytes]:
    """A key of each kind, as files."""
    return {RSA: pem(generate_private_key(65537, 2048)), ED25519: pem(Ed25519PrivateKey.generate())}


def put(folder: Path, files: dict[str, bytes], mode: int = 0o600) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)


def unfit(settings: Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        signing_keys(settings)
    assert "PRIVATE" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


# settings


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sign = 'maybe'", 'dkim.sign: must be true, false or "auto"'),
        ("domain = 'exämple.org'", "dkim.domain: is no domain"),
        ("domain = 'example.org; l=0'", "dkim.domain: is no domain"),
        ("domain = 'example..org'", "dkim.domain: is no domain"),
        ("selector_rsa = ''", "dkim.selector_rsa: is no selector"),
        ("selector_ed25519 = '../key'", "dkim.selector_ed25519: is no selector"),
        ("selector_ed25519 = 'Digestbot-RSA'", "dkim: selector_rsa and selector_ed25519 are the same"),
        ('rsa_key = "a\\nb"', "dkim.rsa_key: must be one line"),
        ("selector = 'x'", "dkim.selector: there is no such setting"),
    ],
)
def test_a_mistake_in_dkim_is_named(tmp_path: Path, text: str, named: str) -> None:
    problem = refused(tmp_path, f"[dkim]\n{text}\n")
    assert problem.startswith(f"{tmp_path / 'settings.toml'}: {named}"), problem


@pytest.mark.parametrize(("text", "sign"), [("true", True), ("false", False), ("auto", "auto"), ("0", False)])
def test_signing_can_be_switched_by_the_environment(tmp_path: Path, text: str, sign: object) -> None:
    assert read(tmp_path, "[dkim]\nsign = 'auto'\n", {"DIGESTBOT_DKIM__SIGN": text}).dkim.sign == sign


def test_the_domain_is_the_senders_unless_another_is_set(tmp_path: Path) -> None:
    assert signing_domain(read(tmp_path, '[mail]\nsender = "Digest <digest@News.Example.org>"')) == "news.example.org"
    assert signing_domain(read(tmp_path, SENDER + '[dkim]\ndomain = "example.com"')) == "example.com"
    with pytest.raises(SettingsError, match=r"\[192\.0\.2\.1\], for which nobody can look up a key"):
        signing_domain(read(tmp_path, '[mail]\nsender = "digest@[192.0.2.1]"'))


def test_keys_are_beside_the_secret_file_under_their_selectors_unless_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    text = 'secret_file = "../private/digestbot.secret"\n[dkim]\nselector_rsa = "s2026"\ned25519_key = "keys/mine"\n'
    settings = read(tmp_path / "etc", text)
    assert settings.dkim_key("rsa").resolve() == tmp_path / "private" / "s2026.pem"
    assert settings.dkim_key("ed25519") == tmp_path / "etc" / "keys" / "mine"


# whether mails are signed


def test_mails_are_signed_once_both_keys_are_there(tmp_path: Path, good: dict[str, bytes]) -> None:
    settings = read(tmp_path, SENDER)
    assert signing_keys(settings) is None
    put(tmp_path, good)
    assert signing_keys(settings) is not None


def test_mails_are_not_signed_when_signing_is_off_whatever_the_files_are(tmp_path: Path) -> None:
    put(tmp_path, {RSA: b"broken"}, 0o644)
    assert signing_keys(read(tmp_path, "[dkim]\nsign = false\n")) is None


@pytest.mark.parametrize(
    ("dkim", "missing"),
    [
        ("sign = true", RSA),
        ('rsa_key = "mine.pem"', "mine.pem"),
        ('ed25519_key = "mine.pem"', RSA),
    ],
)
def test_a_key_that_must_be_there_and_is_not_is_named(tmp_path: Path, dkim: str, missing: str) -> None:
    problem = unfit(read(tmp_path, f"[dkim]\n{dkim}\n"))
    assert problem.startswith(f"{tmp_path / missing}: there is no such DKIM key; run 'digestbot dkim generate'")


@pytest.mark.parametrize(("there", "missing"), [(RSA, ED25519), (ED25519, RSA)])
def test_one_key_without_the_other_is_an_error_until_the_missing_one_is_made(
    tmp_path: Path, good: dict[str, bytes], there: str, missing: str
) -> None:
    put(tmp_path, {there: good[there]})
    settings = read(tmp_path, SENDER)
    assert unfit(settings).startswith(f"{tmp_path / missing}: there is no such DKIM key")
    assert make_keys(settings) == {tmp_path / RSA: missing == RSA, tmp_path / ED25519: missing == ED25519}
    assert (tmp_path / there).read_bytes() == good[there]
    assert signing_keys(settings) is not None


# making keys


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, 'secret_file = "new/digestbot.secret"\n' + SENDER)
    assert set(make_keys(settings).values()) == {True}
    folder = tmp_path / "new"
    assert sorted(one.name for one in folder.iterdir()) == [ED25519, RSA]
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}
    assert read_keys(settings).rsa.key_size == 2048
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    assert set(make_keys(settings).values()) == {False}
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before


def test_a_file_that_is_there_is_never_overwritten_even_when_it_is_no_key(tmp_path: Path) -> None:
    put(tmp_path, {RSA: b"not a key"})
    settings = read(tmp_path, SENDER)
    make_keys(settings)
    assert (tmp_path / RSA).read_bytes() == b"not a key"
    with pytest.raises(SettingsError, match=rf"{RSA}: is no private key in PEM"):
        read_keys(settings)


def test_a_key_that_another_process_made_meanwhile_is_kept(tmp_path: Path) -> None:
    put(tmp_path, {RSA: b"of another process"})
    assert not create_private(tmp_path / RSA, "ours")
    assert (tmp_path / RSA).read_bytes() == b"of another process"
    assert [one.name for one in tmp_path.iterdir()] == [RSA]


def test_keys_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"file/{RSA}: cannot be"):
        make_keys(read(tmp_path, 'secret_file = "file/digestbot.secret"\n'))
    with pytest.raises(SettingsError, match="name the same file"):
        make_keys(read(tmp_path, '[dkim]\nrsa_key = "one.pem"\ned25519_key = "one.pem"\n'))


# keys that are unfit


@needs_posix
@pytest.mark.parametrize("name", [RSA, ED25519])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, good: dict[str, bytes], name: str, mode: int) -> None:
    put(tmp_path, good)
    (tmp_path / name).chmod(mode)
    path = tmp_path / name
    assert unfit(read(tmp_path, SENDER)) == f"{path}: others can read it; run: chmod 600 {path}"


def test_a_key_that_is_too_small_or_of_another_kind_is_refused_with_its_file(
    tmp_path: Path, good: dict[str, bytes]
) -> None:
    settings = read(tmp_path, SENDER)
    elliptic = pem(generate_elliptic(SECP256R1()))
    for name, content, said in [
        (RSA, pem(generate_private_key(65537, 1024)), "has 1024 bits, and mailboxes want 2048 to 4096"),
        (RSA, good[ED25519], "is not an RSA key"),
        (RSA, elliptic, "is not an RSA key"),
        (ED25519, good[RSA], "is not an Ed25519 key"),
        (ED25519, elliptic, "is not an Ed25519 key"),
        (ED25519, pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"sesame")), "locked by a password"),
        (RSA, b"", "is no private key in PEM"),
        (RSA, good[RSA][:800], "is no private key in PEM"),
    ]:
        put(tmp_path, good | {name: content})
        problem = unfit(settings)
        assert problem.startswith(f"{tmp_path / name}: "), problem
        assert said in problem


def test_a_folder_in_the_place_of_a_key_cannot_be_read(tmp_path: Path, good: dict[str, bytes]) -> None:
    put(tmp_path, {ED25519: good[ED25519]})
    (tmp_path / RSA).mkdir(mode=0o700)
    assert unfit(read(tmp_path, SENDER)).startswith(f"{tmp_path / RSA}: cannot be read: ")


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), cut=st.integers(0, 40), armoured=st.booleans())
@example(content=b"\xff", cut=0, armoured=False)
def test_any_bytes_in_a_key_file_are_a_settings_error(
    tmp_path: Path, good: dict[str, bytes], content: bytes, cut: int, armoured: bool
) -> None:
    whole = good[ED25519]
    # Somewhere inside a good key, so that the library gets to read it.
    damaged = whole[: 40 + cut] + content + whole[80:] if armoured else content
    put(tmp_path, good | {RSA: damaged})
    assert str(tmp_path / RSA) in unfit(read_settings(None, {}, folder=tmp_path))
