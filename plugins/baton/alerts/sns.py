"""Amazon SNS: whether a message is Amazon's and of a known topic, and the confirmation that a subscription wants.

A stranger's message makes at most one request, to a certificate of Amazon's own host, which is remembered.
Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from baton.alerts.credentials import SNS, Credential

log = logging.getLogger(__name__)
MAX_BYTES = 300_000
"""Of a message: Amazon's own limit is 256 KiB."""
TYPE_HEADER = "x-amz-sns-message-type"
CONFIRMATION = "SubscriptionConfirmation"
_SECONDS = 5
_MAX_ANSWER_BYTES = 65_536
_HOST = re.compile(r"sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,128}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
Fetch = Callable[[str], bytes]


class FetchError(Exception):
    """Amazon did not answer as it should."""


def fetch(address: str) -> bytes:
    """Ask an address of Amazon's; redirects are failures.

    :raises FetchError: it gave no answer of 200, or a long one.
    """
    import httpx

    try:
        with httpx.stream("GET", address, timeout=_SECONDS, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise FetchError(f"it answered {answer.status_code}")
            found = b""
            for piece in answer.iter_bytes():
                found += piece
                if len(found) > _MAX_ANSWER_BYTES:
                    raise FetchError("its answer is too long")
            return found
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        raise FetchError(f"{type(err).__name__}: can the API server reach Amazon?") from err


def may_be_sent(credentials: Iterable[Credential], headers: Mapping[str, str]) -> bool:
    """Whether a request's body is worth reading: it says that it is a message, and some topic is known."""
    return headers.get(TYPE_HEADER) in _SIGNED and any(credential.type == SNS for credential in credentials)


def sender_of(credentials: Iterable[Credential], message: Any, ask: Fetch | None = None) -> Credential | None:
    """The credential whose topic a message is of, if Amazon has signed it.

    :raises FetchError: the certificate cannot be fetched now.
    """
    topic = message.get("TopicArn") if isinstance(message, Mapping) else None
    known = next((each for each in credentials if isinstance(topic, str) and topic in each.topics), None)
    return known if known is not None and _is_signed(message, ask or fetch) else None


def _is_signed(message: Mapping[str, Any], ask: Fetch) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    text, address = _signed_text(message), message.get("SigningCertURL")
    algorithm = {"1": hashes.SHA1, "2": hashes.SHA256}.get(str(message.get("SignatureVersion")))
    if text is None or algorithm is None or not isinstance(address, str) or not _is_amazons(address, _CERTIFICATE):
        return False
    key = _key_at(address, ask)
    try:
        if not isinstance(key, RSAPublicKey):
            return False
        signature = base64.b64decode(str(message.get("Signature")), validate=True)
        key.verify(signature, text, PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed_text(message: Mapping[str, Any]) -> bytes | None:
    names = _SIGNED.get(str(message.get("Type")), ())
    present = [name for name in names if message.get(name) is not None]
    if not present or not all(isinstance(message[name], str) for name in present):
        return None
    return "".join(f"{name}\n{message[name]}\n" for name in present).encode(errors="surrogatepass")


def _is_amazons(address: str, path: re.Pattern[str]) -> bool:
    try:
        parts = urlsplit(address)
        is_plain = parts.port is None and parts.username is None
    except ValueError:
        return False
    is_theirs = parts.scheme == "https" and _HOST.fullmatch(parts.hostname or "") is not None
    return is_plain and is_theirs and path.fullmatch(parts.path) is not None


@lru_cache(maxsize=16)
def _key_at(address: str, ask: Fetch) -> Any:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(ask(address)).public_key()
    except ValueError as err:
        raise FetchError("what stands at its address is no certificate") from err


def is_confirmation(document: Any) -> bool:
    """Whether a body asks to confirm a subscription."""
    return isinstance(document, Mapping) and document.get("Type") == CONFIRMATION and "SubscribeURL" in document


def confirm(message: Mapping[str, Any], ask: Fetch | None = None) -> str:
    """Confirm a subscription, whose sender is known; returns the topic.

    :raises FetchError: Amazon does not answer, or the address is not Amazon's.
    """
    address = message.get("SubscribeURL")
    if not isinstance(address, str) or not _is_amazons(address, re.compile("/?")):
        raise FetchError("the address of the confirmation is not Amazon's")
    (ask or fetch)(address)
    topic = str(message.get("TopicArn"))[:300]
    log.info("The subscription to %s is confirmed", topic)
    return topic
