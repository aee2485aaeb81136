"""The three keys of a backup: whom it is encrypted to, who can open it, and who has written its manifest.

Why two kinds: whoever makes backups holds the recipients' public keys only and can open none of them. But a public key
lets anybody encrypt, so a manifest also carries a MAC with a secret that the makers and the readers share.
"""

import hashlib
import hmac
from typing import Any

from baton_workloads.environment import required
from baton_workloads.errors import ConfigurationError

RECIPIENTS, IDENTITY, MANIFEST_KEY = "BATON_BACKUP_RECIPIENTS", "BATON_BACKUP_IDENTITY", "BATON_BACKUP_MANIFEST_KEY"
SHORTEST_KEY_BYTES = 16


def recipients() -> list[str]:
    """Give the public age keys (``age1…``) that everything is encrypted to.

    :raises ConfigurationError: there is none, or one is no age key.
    """
    names = [name.strip() for name in required(RECIPIENTS).split(",") if name.strip()]
    for name in names:
        _recipient(name)
    return names


def age_recipients(names: list[str]) -> list[Any]:
    """Give the library's objects for public keys."""
    return [_recipient(name) for name in names]


def _recipient(name: str) -> Any:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(name)
    except pyrage.RecipientError as err:
        raise ConfigurationError(
            f"{RECIPIENTS} holds something that is no public age key; give what `age-keygen -y` prints (age1…)"
        ) from err


def identities() -> list[Any]:
    """Give the private age keys that open backups; several are separated by commas or line ends.

    :raises ConfigurationError: there is none, or one is no age identity. No part of it is in the message.
    """
    import pyrage

    lines = required(IDENTITY).replace(",", "\n").splitlines()
    try:
        return [pyrage.x25519.Identity.from_str(s) for line in lines if (s := line.strip()) and not s.startswith("#")]
    except pyrage.IdentityError as err:
        raise ConfigurationError(
            f"{IDENTITY} holds something that is no age identity; give the line AGE-SECRET-KEY-1… of the key file"
        ) from err


def manifest_key() -> bytes:
    """Give the secret that manifests and proofs are authenticated with.

    :raises ConfigurationError: it is missing, no hexadecimal number, or too short.
    """
    try:
        key = bytes.fromhex(required(MANIFEST_KEY))
    except ValueError as err:
        raise ConfigurationError(
            f"{MANIFEST_KEY} is no hexadecimal number; make one with `openssl rand -hex 32`"
        ) from err
    if len(key) < SHORTEST_KEY_BYTES:
        raise ConfigurationError(f"{MANIFEST_KEY} is too short; make one with `openssl rand -hex 32`")
    return key


def mac(key: bytes, purpose: str, content: bytes) -> str:
    """Authenticate content for one purpose, as hex: what was made for one cannot stand for another."""
    return hmac.new(key, purpose.encode() + b"\0" + content, hashlib.sha256).hexdigest()
