"""How senders sign: each scheme is a few words, and one function checks them all.

What a scheme does not sign, a moment, is not checked; its posts are told apart by their bodies instead.
Sources: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries,
https://docs.sentry.io/organization/integrations/integration-platform/webhooks/,
https://developer.pagerduty.com/docs/verifying-signatures, https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

REPLAY_SECONDS = 300
"""How far a signature's time may be from now; a body sent again within it meets the same decisions, also one whose
alerts name no start: they begin when it was signed."""
_DIGEST_BYTES = {"sha256": 32, "sha512": 64, "sha1": 20}
_MAX_SIGNATURES = 5
"""Of one request: PagerDuty sends one for each of its keys."""
_STAMP = re.compile("[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to sign.

    :param header: of the signature, in lower case; several are separated by commas.
    :param prefix: before each signature.
    :param encoding: `hex` or `base64`.
    :param timestamp: header of the moment, seconds since 1970; empty: none is signed.
    :param signed: what is signed before the body; `{timestamp}` stands for that header's text.
    """

    header: str
    prefix: str = ""
    encoding: str = "hex"
    algorithm: str = "sha256"
    timestamp: str = ""
    signed: str = ""

    def claim(self, headers: Mapping[str, str], now: float) -> Claim | None:
        """What a request says of its signature; None if that cannot be true, whatever the body is."""
        if self.header not in headers:
            return None
        stamp = headers.get(self.timestamp, "") if self.timestamp else ""
        if self.timestamp and (not _STAMP.fullmatch(stamp) or abs(int(stamp) - now) > REPLAY_SECONDS):
            return None
        texts = [text.strip() for text in headers[self.header].split(",", _MAX_SIGNATURES)][:_MAX_SIGNATURES]
        read = [self._digest(text.removeprefix(self.prefix)) for text in texts if text.startswith(self.prefix)]
        digests = tuple(digest for digest in read if len(digest) == _DIGEST_BYTES[self.algorithm])
        return Claim(self, stamp, digests) if digests else None

    def _digest(self, text: str) -> bytes:
        try:
            if self.encoding == "hex":
                return bytes.fromhex(text) if len(text) <= 128 else b""
            return base64.b64decode(text, validate=True) if len(text) <= 128 else b""
        except (ValueError, binascii.Error):
            return b""

    def sign(self, secret: str, stamp: str, body: bytes | bytearray) -> bytes:
        """The digest that a sender makes."""
        made = hmac.new(secret.encode(), self.signed.replace("{timestamp}", stamp).encode(), self.algorithm)
        made.update(body)
        return made.digest()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature.

    :param stamp: when it was made, seconds since 1970; empty where its scheme signs no moment.
    """

    scheme: Scheme
    stamp: str
    digests: tuple[bytes, ...]

    @property
    def moment(self) -> datetime | None:
        """When it was made, by the sender's clock; None where its scheme signs no moment."""
        return datetime.fromtimestamp(int(self.stamp), UTC) if self.stamp else None

    def is_of(self, secret: str, body: bytes | bytearray) -> bool:
        """Whether this secret made it."""
        made = self.scheme.sign(secret, self.stamp, body)
        return any([hmac.compare_digest(made, digest) for digest in self.digests])


OWN = Scheme("x-baton-signature", timestamp="x-baton-timestamp", signed="{timestamp}:")
SCHEMES: Mapping[str, tuple[Scheme, ...]] = {
    "hmac": (
        OWN,
        Scheme(
            "x-grafana-alerting-signature",
            timestamp="x-grafana-alerting-signature-timestamp",
            signed="{timestamp}:",
        ),
    ),
    "github": (Scheme("x-hub-signature-256", prefix="sha256="),),
    "sentry": (Scheme("sentry-hook-signature"),),
    "pagerduty": (Scheme("x-pagerduty-signature", prefix="v1="),),
    "slack": (
        Scheme("x-slack-signature", prefix="v0=", timestamp="x-slack-request-timestamp", signed="v0:{timestamp}:"),
    ),
}
"""By a credential's type. A type `signed` says its scheme itself."""
SCHEME_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["header"],
    "properties": {
        "header": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
        "prefix": {"type": "string", "maxLength": 32},
        "encoding": {"enum": ["hex", "base64"]},
        "algorithm": {"enum": sorted(_DIGEST_BYTES)},
        "timestamp": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
        "signed": {"type": "string", "maxLength": 128},
    },
}
"""The field `signature` of a credential of the type `signed`."""


def own_scheme(found: Mapping[str, str]) -> Scheme:
    """The scheme that a credential describes, in the form of `SCHEME_SCHEMA`."""
    lower = {name: found[name].lower() for name in ("header", "timestamp") if name in found}
    return Scheme(**{**found, **lower})
