"""The keys that sign mails: PEM files for their owner alone, made once and never overwritten.

Kept out of what ``settings`` offers at its top: most commands need neither a key nor the library for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from digestbot.errors import SettingsError
from digestbot.settings.declared import Settings
from digestbot.settings.files import create_private, refuse_open_to_others
from digestbot.settings.values import DNS_NAME

# Gmail recommends 2048; a verifier need not take more than 4096 (RFC 8301 section 3.2).
_BITS = 2048
_MOST_BITS = 4096
_GENERATE = "run 'digestbot dkim generate'"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A key of either kind."""

    rsa: RSAPrivateKey
    ed25519: Ed25519PrivateKey


def signing_domain(settings: Settings) -> str:
    """Return the domain that signs: the one that is set, else the sender's."""
    domain = settings.dkim.domain or parseaddr(settings.mail.sender)[1].rpartition("@")[2]
    if not re.fullmatch(DNS_NAME, domain):
        raise SettingsError(
            f"[mail] sender is at {domain}, for which nobody can look up a key; set [dkim] domain, or sign = false"
        )
    return domain.lower()


def signing_keys(settings: Settings) -> SigningKeys | None:
    """Return the keys that sign mails, ``None`` when mails are not signed.

    A key that is missing beside the other, or that the settings name, is a ``SettingsError``, as is one that
    cannot be used: mails shall not go out unsigned unawares.
    """
    dkim = settings.dkim
    if dkim.sign is False:
        return None
    files = (settings.dkim_key("rsa"), settings.dkim_key("ed25519"))
    missing = [path for path in files if not _is_there(path)]
    wanted = dkim.sign is True or dkim.rsa_key or dkim.ed25519_key or len(missing) < len(files)
    if missing and wanted:
        raise SettingsError(f"{missing[0]}: there is no such DKIM key; {_GENERATE}, or set [dkim] sign = false")
    return None if missing else read_keys(settings)


def read_keys(settings: Settings) -> SigningKeys:
    """Return both keys, which must be there and fit to sign; a ``SettingsError`` names the file of one that is not."""
    rsa_file, ed25519_file = settings.dkim_key("rsa"), settings.dkim_key("ed25519")
    rsa, ed25519 = _read(rsa_file), _read(ed25519_file)
    if not isinstance(rsa, RSAPrivateKey):
        raise SettingsError(f"{rsa_file}: is not an RSA key; see [dkim] rsa_key, or move it away and {_GENERATE}")
    if not _BITS <= rsa.key_size <= _MOST_BITS:
        raise SettingsError(
            f"{rsa_file}: has {rsa.key_size} bits, and mailboxes want {_BITS} to {_MOST_BITS}; "
            f"set another [dkim] selector_rsa and {_GENERATE}"
        )
    if not isinstance(ed25519, Ed25519PrivateKey):
        raise SettingsError(
            f"{ed25519_file}: is not an Ed25519 key; see [dkim] ed25519_key, or move it away and {_GENERATE}"
        )
    return SigningKeys(rsa, ed25519)


def make_keys(settings: Settings) -> dict[Path, bool]:
    """Make the keys that are not there, mode 0600; return for each file whether it was made."""
    rsa, ed25519 = settings.dkim_key("rsa"), settings.dkim_key("ed25519")
    if rsa == ed25519:
        raise SettingsError(f"{rsa}: [dkim] rsa_key and ed25519_key name the same file; each key needs its own")
    return {
        rsa: not _is_there(rsa) and create_private(rsa, _pem(generate_private_key(65537, _BITS))),
        ed25519: not _is_there(ed25519) and create_private(ed25519, _pem(Ed25519PrivateKey.generate())),
    }


def _pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error


def _read(path: Path) -> PrivateKeyTypes:
    refuse_open_to_others(path)
    try:
        return load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except TypeError:
        raise SettingsError(f"{path}: the key is locked by a password; store it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        # The library's words may hold parts of the key.
        raise SettingsError(
            f"{path}: is no private key in PEM; put the right file there, or move it away and {_GENERATE}"
        ) from None
