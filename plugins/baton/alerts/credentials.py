"""Who may send: the receiver's own credentials, apart from Airflow's, because a sender cannot renew an Airflow token.

The file (JSON or YAML, named by the setting `alerts_credentials`, usually a mounted Secret):

```
credentials:
  - name: alertmanager           # stands in every decision
    type: bearer
    keys:                        # one, or two while a key is changed
      - {id: "2026-11", sha256: <digest of the token, in hex>}
    endpoints: [alertmanager]    # all without it
    routes: [crash-loops]        # all without it
  - name: ci
    type: hmac
    keys: [{id: "1", secret: <at least 32 characters>}]
```
A token is compared by its digest: the file does not give it away. An HMAC's secret has to be there in clear: both sides
calculate with it. Sent are `X-Baton-Timestamp` (seconds since 1970) and `X-Baton-Signature`, the HMAC-SHA256 of
`timestamp:body` in hex; Grafana's header names do as well, it signs the same way.
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from baton.data_file import DataFileError, read_text
from baton.exceptions import PermanentError
from plain_yaml import UnreadableError, load

REPLAY_SECONDS = 300
"""How far a signature's time may be from now; a body sent again within it meets the same decisions, also one whose
alerts name no start: they begin when it was signed."""
TOKEN_LENGTH = 32
"""Characters at least; the digest is unsalted, which only suits what cannot be guessed."""
HMAC = "hmac"
_MAX_KEYS = 2
_SHA256 = re.compile("[0-9a-f]{64}")
_SIGNATURES = (
    ("x-baton-signature", "x-baton-timestamp"),
    ("x-grafana-alerting-signature", "x-grafana-alerting-signature-timestamp"),
)


class CredentialsError(PermanentError):
    """The file of credentials cannot be used. The message never quotes what stands in it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One sender.

    :param keys: by id: the token's digest (`bearer`) or the secret (`hmac`).
    :param endpoints: that it may post to; None: all.
    :param routes: that its alerts may start; None: all.
    """

    name: str
    type: str
    keys: Mapping[str, str]
    endpoints: frozenset[str] | None = None
    routes: frozenset[str] | None = None

    def may_post_to(self, endpoint: str) -> bool:
        """Whether it is meant for this endpoint."""
        return self.endpoints is None or endpoint in self.endpoints

    def may_start(self, route: str) -> bool:
        """Whether its alerts may take this route."""
        return self.routes is None or route in self.routes


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
    name = entry.get("name")
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= 64:
        raise CredentialsError(f"{where}: name must be a text of at most 64 characters")
    if unknown := set(entry) - {"name", "type", "keys", "endpoints", "routes"}:
        raise CredentialsError(f"{where} ({name}): unknown: {', '.join(sorted(map(str, unknown)))}")
    fields = {"bearer": "sha256", HMAC: "secret"}
    if str(entry.get("type")) not in fields:
        raise CredentialsError(f"{where} ({name}): type must be bearer or hmac")
    keys = entry.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MAX_KEYS:
        raise CredentialsError(f"{where} ({name}): keys must be one, or two while a key is changed")
    field = fields[entry["type"]]
    read = {str(_part(key, "id")): _secret(_part(key, field), field, f"{where} ({name})") for key in keys}
    if len(read) < len(keys):
        raise CredentialsError(f"{where} ({name}): its keys must have different ids")
    return Credential(name, entry["type"], read, _names(entry, "endpoints", where), _names(entry, "routes", where))


def _part(key: object, name: str) -> object:
    return key.get(name) if isinstance(key, dict) else None


def _secret(found: object, field: str, where: str) -> str:
    is_right = isinstance(found, str) and len(found) >= TOKEN_LENGTH
    if field == "sha256" and is_right:
        is_right = _SHA256.fullmatch(str(found)) is not None
    if not is_right:
        form = "64 hexadecimal digits" if field == "sha256" else f"a text of at least {TOKEN_LENGTH} characters"
        raise CredentialsError(f"{where}: a key's {field} must be {form}")
    return str(found)


def _names(entry: dict[str, Any], field: str, where: str) -> frozenset[str] | None:
    found = entry.get(field)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise CredentialsError(f"{where}: {field} must be a list of names")
    return frozenset(found)


def digest(token: str) -> str:
    """What stands in the file for a token."""
    return sha256(token.encode()).hexdigest()


def by_token(credentials: Iterable[Credential], authorization: str) -> Credential | None:
    """The sender that an `Authorization: Bearer …` header names. Takes as long for a wrong token as for a right one."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    sent = sha256(token.strip().encode(errors="surrogateescape")).hexdigest()
    found = None
    for credential in credentials:
        if credential.type == "bearer" and any([hmac.compare_digest(sent, key) for key in credential.keys.values()]):
            found = credential
    return found


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature: when it was made, and its 64 hexadecimal digits."""

    stamp: str
    signature: str


def signature_claim(credentials: Iterable[Credential], headers: Mapping[str, str]) -> Claim | None:
    """The claim that a body was signed a short while ago; None if it cannot be true, whatever the body is.

    Why apart from `by_signature`: strangers' bodies are read only if this says that they may be somebody's.
    """
    if not any(credential.type == HMAC for credential in credentials):
        return None
    for signature_header, time_header in _SIGNATURES:
        if signature_header in headers:
            stamp, signature = headers.get(time_header, ""), headers[signature_header].strip().lower()
            is_possible = _SHA256.fullmatch(signature) and _is_near(stamp, time.time())
            return Claim(stamp, signature) if is_possible else None
    return None


def by_signature(credentials: Iterable[Credential], claim: Claim, body: bytes | bytearray) -> Credential | None:
    """The sender that signed the body."""
    found = None
    for credential in credentials:
        if credential.type == HMAC:
            made = [sign(secret, claim.stamp, body) for secret in credential.keys.values()]
            if any([hmac.compare_digest(signature, claim.signature) for signature in made]):
                found = credential
    return found


def signature_time(headers: Mapping[str, str]) -> datetime | None:
    """When a request was signed, by the sender's clock; for one whose signature was found to be good."""
    for signature_header, time_header in _SIGNATURES:
        if signature_header in headers:
            return datetime.fromtimestamp(int(headers[time_header]), UTC)
    return None


def sign(secret: str, stamp: str, body: bytes | bytearray) -> str:
    """The signature that a sender makes."""
    made = hmac.new(secret.encode(), stamp.encode() + b":", sha256)
    made.update(body)
    return made.hexdigest()


def _is_near(stamp: str, now: float) -> bool:
    is_number = stamp.isascii() and stamp.isdigit() and len(stamp) <= 12
    return is_number and abs(int(stamp) - now) <= REPLAY_SECONDS
