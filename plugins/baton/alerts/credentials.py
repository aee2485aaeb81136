"""Who may send: the receiver's own credentials, apart from Airflow's, because a sender cannot renew an Airflow token.

The file (JSON or YAML, named by the setting `alerts_credentials`, usually a mounted Secret):

```
credentials:
  - name: alertmanager           # stands in every decision
    type: bearer                 # with `header: X-Gitlab-Token` the token stands there, without "Bearer"
    keys:                        # one, or two while a key is changed
      - {id: "2026-11", sha256: <digest of the token, in hex>}
    endpoints: [alertmanager]    # all without it
    routes: [crash-loops]        # all without it
  - name: gcp
    type: basic                  # user is the name unless `user` says another
    keys: [{id: "1", sha256: <digest of the password, in hex>}]
  - name: ci
    type: hmac                   # or github, sentry, pagerduty, slack; or signed, with `signature: {header: …}`
    keys: [{id: "1", secret: <at least 32 characters>}]
  - name: cloudwatch
    type: sns                    # signed by Amazon
    topics: ["arn:aws:sns:eu-central-1:123456789012:alerts"]
```
A token or password is compared by its digest: the file does not give it away. What signs has to be there in clear:
both sides calculate with it. `hmac` is `X-Baton-Timestamp` (seconds since 1970) and `X-Baton-Signature`, the
HMAC-SHA256 of `timestamp:body` in hex; Grafana's header names do as well, it signs the same way.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from baton.alerts.signatures import SCHEME_SCHEMA, SCHEMES, Claim, Scheme, own_scheme
from baton.data_file import DataFileError, problem_of, read_text
from baton.exceptions import PermanentError
from plain_yaml import UnreadableError, load

TOKEN_LENGTH = 32
"""Characters at least; the digest is unsalted, which only suits what cannot be guessed."""
BEARER, BASIC, SIGNED, SNS = "bearer", "basic", "signed", "sns"
_TYPES = (BEARER, BASIC, *SCHEMES, SIGNED, SNS)
_MAX_KEYS = 2
_SHA256 = re.compile("[0-9a-f]{64}")
_HEADER = re.compile("[A-Za-z0-9-]{1,64}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]{1,32}:\d{12}:[A-Za-z0-9_.-]{1,256}")
_ALL_FIELDS = {"name", "type", "keys", "endpoints", "routes"}
_OWN_FIELDS = {BEARER: {"header"}, BASIC: {"user"}, SIGNED: {"signature"}, SNS: {"topics"}}


class CredentialsError(PermanentError):
    """The file of credentials cannot be used. The message never quotes what stands in it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One sender.

    :param keys: by id: the digest of a token or password, or the secret that signs; none for `sns`.
    :param endpoints: that it may post to; None: all.
    :param routes: that its alerts may start; None: all.
    :param header: of a bearer's token; empty: `Authorization`.
    :param schemes: in which it signs.
    :param topics: of `sns`.
    """

    name: str
    type: str
    keys: Mapping[str, str] = field(default_factory=dict)
    endpoints: frozenset[str] | None = None
    routes: frozenset[str] | None = None
    header: str = ""
    user: str = ""
    schemes: tuple[Scheme, ...] = ()
    topics: frozenset[str] = frozenset()

    def may_post_to(self, endpoint: str) -> bool:
        """Whether it is meant for this endpoint."""
        return self.endpoints is None or endpoint in self.endpoints

    def may_start(self, route: str) -> bool:
        """Whether its alerts may take this route."""
        return self.routes is None or route in self.routes

    def has_digest_of(self, sent: str) -> bool:
        """Whether one of its keys is the digest of what was sent. Takes as long for a wrong one as for a right one."""
        made = sha256(sent.encode(errors="surrogateescape")).hexdigest()
        return any([hmac.compare_digest(made, key) for key in self.keys.values()])


def read_credentials(path: Path) -> list[Credential]:
    """Read the file.

    :raises CredentialsError: it is not there, or not of the documented form.
    """
    try:
        text = read_text(path)
    except DataFileError as err:
        raise CredentialsError(str(err)) from err
    try:
        document = load(text)
    except UnreadableError as err:  # its text would show secrets
        at = f", line {err.line}" if err.line else ""
        raise CredentialsError(f"{path}{at}: it is neither JSON nor YAML that can be used") from None
    entries = document.get("credentials") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CredentialsError(f"{path} must hold a list `credentials`")
    found = [_credential(entry, f"{path}: credential {index + 1}") for index, entry in enumerate(entries)]
    if len({credential.name for credential in found}) < len(found):
        raise CredentialsError(f"{path}: two credentials have the same name")
    return found


def _credential(entry: dict[str, Any], where: str) -> Credential:
    name, type_ = entry.get("name"), entry.get("type")
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 64:
        raise CredentialsError(f"{where}: name must be a text of at most 64 characters")
    if not isinstance(type_, str) or type_ not in _TYPES:
        raise CredentialsError(f"{where} ({name}): type must be one of {', '.join(_TYPES)}")
    if unknown := set(entry) - _ALL_FIELDS - _OWN_FIELDS.get(type_, set()):
        raise CredentialsError(f"{where} ({name}): unknown: {', '.join(sorted(map(str, unknown)))}")
    return Credential(
        name=name,
        type=type_,
        keys={} if type_ == SNS else _keys(entry, type_, f"{where} ({name})"),
        endpoints=_names(entry, "endpoints", where),
        routes=_names(entry, "routes", where),
        header=_header(entry, f"{where} ({name})"),
        user=_user(entry, name, f"{where} ({name})") if type_ == BASIC else "",
        schemes=_schemes(entry, type_, f"{where} ({name})"),
        topics=_topics(entry, f"{where} ({name})") if type_ == SNS else frozenset(),
    )


def _keys(entry: dict[str, Any], type_: str, where: str) -> dict[str, str]:
    keys = entry.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MAX_KEYS:
        raise CredentialsError(f"{where}: keys must be one, or two while a key is changed")
    part = "sha256" if type_ in (BEARER, BASIC) else "secret"
    read = {str(_part(key, "id")): _secret(_part(key, part), part, where) for key in keys}
    if len(read) < len(keys):
        raise CredentialsError(f"{where}: its keys must have different ids")
    return read


def _part(key: object, name: str) -> object:
    return key.get(name) if isinstance(key, dict) else None


def _secret(found: object, part: str, where: str) -> str:
    is_right = isinstance(found, str) and len(found) >= TOKEN_LENGTH
    if part == "sha256" and is_right:
        is_right = _SHA256.fullmatch(str(found)) is not None
    if not is_right:
        form = "64 hexadecimal digits" if part == "sha256" else f"a text of at least {TOKEN_LENGTH} characters"
        raise CredentialsError(f"{where}: a key's {part} must be {form}")
    return str(found)


def _header(entry: dict[str, Any], where: str) -> str:
    found = entry.get("header", "")
    if found != "" and (not isinstance(found, str) or not _HEADER.fullmatch(found)):
        raise CredentialsError(f"{where}: header must be the name of a header")
    return found.lower() if isinstance(found, str) else ""


def _user(entry: dict[str, Any], name: str, where: str) -> str:
    found = entry.get("user", name)
    if not isinstance(found, str) or not found.isprintable() or ":" in found or not 0 < len(found) <= 256:
        raise CredentialsError(f"{where}: user must be a text of at most 256 characters without a colon")
    return found


def _schemes(entry: dict[str, Any], type_: str, where: str) -> tuple[Scheme, ...]:
    if type_ != SIGNED:
        return SCHEMES.get(type_, ())
    if problem := problem_of(entry.get("signature"), SCHEME_SCHEMA):
        raise CredentialsError(f"{where}: signature must say header, prefix, encoding, timestamp, signed: {problem}")
    return (own_scheme(entry["signature"]),)


def _topics(entry: dict[str, Any], where: str) -> frozenset[str]:
    found = entry.get("topics")
    if not isinstance(found, list) or not found or not all(_is_topic(topic) for topic in found):
        raise CredentialsError(f"{where}: topics must be a list of ARNs, as arn:aws:sns:REGION:ACCOUNT:NAME")
    return frozenset(found)


def _is_topic(found: object) -> bool:
    return isinstance(found, str) and _TOPIC.fullmatch(found) is not None


def _names(entry: dict[str, Any], part: str, where: str) -> frozenset[str] | None:
    found = entry.get(part)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise CredentialsError(f"{where}: {part} must be a list of names")
    return frozenset(found)


def oddities(credentials: Iterable[Credential], endpoints: Collection[str], routes: Collection[str] | None) -> str:
    """Which credentials name addresses or routes that there are not, in words; empty if none does.

    Why it does not make the file unusable: routes and mappings change by themselves, and nobody's token with them.

    :param routes: None: not known now.
    """
    found = []
    for credential in credentials:
        for what, named, known in (
            ("address", credential.endpoints, endpoints),
            ("route", credential.routes, routes),
        ):
            if missing := sorted((named or frozenset()) - set(known)) if known is not None else []:
                found.append(f"{credential.name} names the {what} {', '.join(missing)[:200]}, which there is not")
    return "; ".join(found)


def digest(token: str) -> str:
    """What stands in the file for a token or a password."""
    return sha256(token.encode()).hexdigest()


def by_token(credentials: Iterable[Credential], headers: Mapping[str, str]) -> Credential | None:
    """The sender that a request's headers alone name: by a token, or by user and password."""
    scheme, _, sent = headers.get("authorization", "").partition(" ")
    user, password = _user_of(sent) if scheme.lower() == BASIC else (None, "")
    token = sent.strip() if scheme.lower() == BEARER else ""
    found = None
    for credential in credentials:
        if credential.type == BEARER:
            shown = headers.get(credential.header, "").strip() if credential.header else token
            if shown and credential.has_digest_of(shown):
                found = credential
        elif credential.type == BASIC and user == credential.user and credential.has_digest_of(password):
            found = credential
    return found


def _user_of(encoded: str) -> tuple[str | None, str]:
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return None, ""
    return (user, password) if colon else (None, "")


def signature_claims(credentials: Iterable[Credential], headers: Mapping[str, str]) -> list[Claim]:
    """What a request says of its signatures; empty if nothing of it can be true, whatever the body is.

    Why apart from `by_signature`: strangers' bodies are read only if this says that they may be somebody's.
    """
    schemes = {scheme for credential in credentials for scheme in credential.schemes}
    now = time.time()
    return [claim for scheme in schemes if (claim := scheme.claim(headers, now)) is not None]


def by_signature(
    credentials: Iterable[Credential], claims: Iterable[Claim], body: bytes | bytearray
) -> tuple[Credential, Claim] | None:
    """The sender that signed the body, and the signature that is good."""
    found = None
    for claim in claims:
        for credential in credentials:
            if claim.scheme in credential.schemes and any(
                [claim.is_of(secret, body) for secret in credential.keys.values()]
            ):
                found = credential, claim
    return found
