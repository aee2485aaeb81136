"""Which names of variables, fields, labels and flags say that their value is a secret.

Three rules, because a short word is part of many others: some words tell wherever they stand (`password`), some as a
word of their own (`pass` in `DB_PASS`, `dbPass`, `db-pass`, not in `passed` or `compass`), some only at the end (`auth`
in `REDIS_AUTH`, not in `AUTH_TYPE`). People also write words together: `dbpass`, `userpw`, `sshkey`.
"""

from __future__ import annotations

import re
from functools import lru_cache

WORDS = (
    r"passw(?:or)?d|passwd|passwort|kennwort|heslo|passphrase|passcode|pwd|secret|token"
    r"|api[-_. ]?key|access[-_. ]?key|private[-_. ]?key"
    r"|master[-_. ]?key|encryption[-_. ]?key|signing[-_. ]?key|account[-_. ]?key|fernet"
    r"|pseudonym[-_. ]?key|shared[-_. ]?key"
    r"|credential|authorization|cookie|session[-_. ]?id|dsn|connection[-_. ]?string|conn[-_. ]?str|airflow_conn_"
    r"|x-amz-signature|x-amz-credential|x-amz-security-token|signature|htpasswd|pgpass"
)
"""Tell wherever they stand in a name."""

HARMLESS_NAMES = {
    "secretname",
    "secretkeyref",
    "secretref",
    "secrets",
    "imagepullsecrets",
    "serviceaccounttoken",
    "automountserviceaccounttoken",
    "tokenexpirationseconds",
    "optional",
}
"""Fields of Kubernetes that only refer to a secret."""

_OWN_WORDS = {"pass", "pw", "pws", "cred", "creds", "salt", "salts", "passphrases", "jwt", "otp", "totp", "apikeys"}
_LAST_WORDS = {"auth", "bearer", "session", "private", "sig", "conn", "pin", "hmac", "sas", "netrc", "kubeconfig"}
WEAK_WORDS = {"auth", "bearer", "session", "private", "conn", "sig"}
"""Alone before a colon these begin a sentence of a log as often as they name a value."""
_NOT_AFTER_PASS = {"rate", "ratio", "count", "counts", "through", "thru", "percent", "percentage", "by", "fail", "time"}
_NOT_BEFORE_PASS = {"by", "first", "second", "third", "last", "next", "single", "multi", "two", "render"}
_NO_PASS = {"compass", "bypass", "trespass", "surpass", "encompass", "overpass", "underpass", "lowpass", "highpass"}
_NO_SALT = {"basalt"}
_KEYS_OF = {
    *("account", "admin", "aes", "api", "app", "application", "auth", "aws", "azure", "cipher", "client", "consumer"),
    *("cookie", "crypt", "crypto", "db", "datadog", "decryption", "deploy", "ecdsa", "ed25519", "encryption", "gcp"),
    *("gpg", "hmac", "host", "ingest", "ingestion", "integration", "jwt", "kms", "licence", "license", "maps", "pgp"),
    *("recovery", "root", "rsa", "sas", "seal", "secret", "sendgrid", "server", "service", "session", "sentry", "ssh"),
    *("ssl", "storage", "stripe", "subscription", "tls", "twilio", "unseal", "vault", "webhook", "write", "mailgun"),
}
"""What a `key` at the end of a name opens; `partition_key`, `topologyKey` and their like open nothing."""

_SECRET_NAME = re.compile(WORDS, re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_RUN = re.compile(r"[A-Za-z]+")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a variable, field, label or flag of this name holds a secret."""
    if re.sub(r"[^a-z]", "", name.lower()) in HARMLESS_NAMES:
        return False
    if _SECRET_NAME.search(name):
        return True
    return _tells([word.lower() for word in _WORD.findall(name)]) or _tells(_RUN.findall(name.lower()))


def is_weak_secret_name(name: str) -> bool:
    """Whether a telling name is one word that is common in sentences."""
    return name.lower() in WEAK_WORDS


def _tells(words: list[str]) -> bool:
    if not words:
        return False
    return any(_is_secret_word(words, at) for at in range(len(words))) or _ends_telling(words)


def _is_secret_word(words: list[str], at: int) -> bool:
    word = words[at]
    if word == "pass":
        before, after = (words[at - 1] if at else ""), (words[at + 1] if at + 1 < len(words) else "")
        return before not in _NOT_BEFORE_PASS and after not in _NOT_AFTER_PASS
    return (
        word in _OWN_WORDS
        or (word.endswith("pass") and word not in _NO_PASS)
        or (word.endswith("salt") and word not in _NO_SALT)
        or (word.endswith(("creds", "pw")) and word.isalpha())
    )


def _ends_telling(words: list[str]) -> bool:
    last = words[-1]
    if last in ("key", "keys"):
        return len(words) > 1 and words[-2] in _KEYS_OF
    return last in _LAST_WORDS or (last.endswith("key") and last.removesuffix("key") in _KEYS_OF)
