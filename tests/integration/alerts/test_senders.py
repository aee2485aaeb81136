"""Whoever sends: signatures of common senders, Basic, SNS with its confirmation, compressed bodies, own mappings."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.integration.alerts.conftest import Receiver, alert, group, route

from baton.alerts import sns
from baton.alerts.credentials import digest

Json = dict[str, Any]
KEY = "the-secret-that-both-sides-sign-with"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alerts"
BODY = json.dumps(group(alert())).encode()


def hexed(text: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(KEY.encode(), text, algorithm).hexdigest()


def github(body: bytes) -> Json:
    return {"X-Hub-Signature-256": f"sha256={hexed(body)}"}


def sentry(body: bytes) -> Json:
    return {"Sentry-Hook-Signature": hexed(body), "Sentry-Hook-Resource": "issue"}


def pagerduty(body: bytes) -> Json:
    return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={hexed(body)}"}


def slack(body: bytes, age: int = 0) -> Json:
    stamp = str(int(time.time()) - age)
    return {"X-Slack-Signature": f"v0={hexed(f'v0:{stamp}:'.encode() + body)}", "X-Slack-Request-Timestamp": stamp}


def shop(body: bytes) -> Json:
    made = hmac.new(KEY.encode(), b"shop." + body, "sha512").digest()
    return {"X-Shop": base64.b64encode(made).decode()}


SCHEMES: dict[str, Callable[[bytes], Json]] = {
    "github": github,
    "sentry": sentry,
    "pagerduty": pagerduty,
    "slack": slack,
    "signed": shop,
}


@pytest.fixture
def senders(receiver: Receiver) -> Receiver:
    """A receiver with a sender of each type."""
    signers: list[Json] = [{"name": name, "type": name, "keys": [{"id": "1", "secret": KEY}]} for name in SCHEMES]
    signers[-1]["signature"] = {"header": "X-Shop", "encoding": "base64", "algorithm": "sha512", "signed": "shop."}
    found = yaml.safe_load(receiver.credentials.read_text())["credentials"]
    found += [
        *signers,
        {"name": "gcp", "type": "basic", "keys": [{"id": "1", "sha256": digest("p" * 32)}]},
        {"name": "gitlab", "type": "bearer", "header": "X-Gitlab-Token", "keys": [{"id": "1", "sha256": digest(KEY)}]},
        {"name": "aws", "type": "sns", "topics": [TOPIC]},
    ]
    receiver.credentials.write_text(yaml.safe_dump({"credentials": found}))
    return receiver


async def sent(receiver: Receiver, body: bytes, headers: Json, endpoint: str = "alertmanager", **more: Any) -> Any:
    async with receiver.client() as client:
        del client.headers["Authorization"]
        return await client.request(more.pop("method", "POST"), endpoint, content=body, headers=headers, **more)


@pytest.mark.parametrize("name", SCHEMES)
async def test_signature_of_a_common_sender_is_known(senders: Receiver, name: str) -> None:
    """By the form that the sender documents; one letter more in the body, another key or no prefix is nobody's."""
    sign = SCHEMES[name]
    good = await sent(senders, BODY, sign(BODY))
    assert good.status_code == 200, good.text
    assert [row["sender"] for row in senders.rows()] == [name]
    assert (await sent(senders, BODY + b" ", sign(BODY))).status_code == 401
    header, *_ = sign(BODY)
    for wrong in ("", "sha256=", "0" * 64, f"v1={'0' * 64}", f"sha256={'0' * 64}", "v0=zz", "é", "," * 5000):
        headers = {**sign(BODY), header: wrong}
        answer = await sent(senders, BODY, {key: value.encode() for key, value in headers.items()})
        assert answer.status_code == 401, wrong


async def test_signature_of_long_ago_is_refused(senders: Receiver) -> None:
    """Where the scheme signs a moment."""
    assert (await sent(senders, BODY, slack(BODY, age=301))).status_code == 401


async def test_copy_of_a_request_without_a_signed_moment_starts_nothing_again(
    senders: Receiver, at_moment: Callable[[str], None]
) -> None:
    """Alerts that name no start are told apart by their body: the same is a repeat for ever, another is new."""
    senders.write_routes(route(matchers=[], cooldown="10s"))
    one, two = (json.dumps({"labels": {"a": "b"}, "note": note}).encode() for note in ("1", "2"))
    counts = []
    for moment, body in (("08:00", one), ("09:00", one), ("10:00", two), ("11:00", one)):
        at_moment(f"2026-11-22T{moment}")
        (await sent(senders, body, github(body), "generic")).raise_for_status()
        counts.append(len(senders.runs()))
    assert counts == [1, 1, 2, 2]


async def test_user_and_password_are_known(senders: Receiver) -> None:
    """For senders that can do no more, and a token in a header of its own for others."""
    for auth, status in (
        (("gcp", "p" * 32), 200),
        (("gcp", "q" * 32), 401),
        (("other", "p" * 32), 401),
        (("", ""), 401),
    ):
        assert (await sent(senders, BODY, {}, auth=auth)).status_code == status
    for header in ("Basic", "Basic !", "Basic " + base64.b64encode(b"gcp").decode(), "Basic " + "A" * 9):
        assert (await sent(senders, BODY, {"Authorization": header})).status_code == 401
    assert (await sent(senders, BODY, {"X-Gitlab-Token": KEY})).status_code == 200
    assert (await sent(senders, BODY, {"X-Gitlab-Token": ""})).status_code == 401
    assert (await sent(senders, BODY, {"Authorization": f"Bearer {KEY}"})).status_code == 401


async def test_slacks_question_is_answered(senders: Receiver) -> None:
    """Before it sends events, it wants to see its word again."""
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    answer = await sent(senders, body, slack(body), "generic")
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1a"})
    assert (await sent(senders, body, {}, "generic")).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)])
async def test_compressed_body_is_read(receiver: Receiver, method: str, coding: str, pack: Any) -> None:
    """As Grafana, Fluent Bit and proxies send it; PUT is Grafana's other word for POST."""
    async with receiver.client() as client:
        answer = await client.request(method, "grafana", content=pack(BODY), headers={"Content-Encoding": coding})
    assert (answer.status_code, len(receiver.runs())) == (200, 1), answer.text


@pytest.mark.parametrize(
    ("coding", "body", "status", "words"),
    [
        ("gzip", BODY, 400, "is no gzip"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "cut off"),
        ("gzip", gzip.compress(b" " * 5_000_000), 400, "more than 200000 bytes"),
        ("br", BODY, 415, "send gzip"),
        ("", b"\x8b" + BODY, 400, "is no JSON"),
    ],
)
async def test_body_that_cannot_be_unpacked_is_said(
    receiver: Receiver, coding: str, body: bytes, status: int, words: str
) -> None:
    """And no more is unpacked than may be sent."""
    async with receiver.client() as client:
        answer = await client.post("grafana", content=body, headers={"Content-Encoding": coding})
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


async def test_form_with_json_in_it_is_read(receiver: Receiver) -> None:
    """As GitHub sends where nobody changed its content type."""
    async with receiver.client() as client:
        answer = await client.post("generic", data={"payload": json.dumps({"labels": {"namespace": "shop"}})})
    assert (answer.status_code, len(receiver.runs())) == (200, 1), answer.text


class Amazon:
    """Its host, as far as the receiver asks it."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        begin = datetime.now(UTC) - timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        made = made.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=9))
        self.certificate = made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)
        self.asked: list[str] = []

    def ask(self, address: str) -> bytes:
        self.asked.append(address)
        return self.certificate if address.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"

    def message(self, version: str = "2", **fields: Any) -> bytes:
        message = {
            "Type": "Notification",
            "MessageId": "22b80b92",
            "TopicArn": TOPIC,
            "Message": json.dumps({"AlarmName": "orders", "NewStateValue": "ALARM", "labels": {"namespace": "shop"}}),
            "Timestamp": "2026-11-22T08:00:01.000Z",
            "SignatureVersion": version,
            "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
            **fields,
        }
        names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  (SNS still signs so)
        made = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return json.dumps({"Signature": base64.b64encode(made).decode(), **message}).encode()


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    made = Amazon()
    monkeypatch.setattr(sns, "fetch", made.ask)
    sns._key_at.cache_clear()
    yield made
    sns._key_at.cache_clear()


NOTICE = {sns.TYPE_HEADER: "Notification", "Content-Type": "text/plain; charset=UTF-8"}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "Token": "2336",
    "Message": "You have chosen to subscribe",
    "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336",
}


@pytest.mark.parametrize("version", ["1", "2"])
async def test_message_that_amazon_signed_is_known(senders: Receiver, amazon: Amazon, version: str) -> None:
    """The certificate is fetched once; a second delivery is a repeat."""
    for _ in range(2):
        answer = await sent(senders, amazon.message(version), NOTICE, "sns")
        assert answer.status_code == 200, answer.text
    assert [(row["sender"], row["repeats"]) for row in senders.rows()] == [("aws", 1)]
    assert len(amazon.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "another"},
        {"Signature": "AAAA"},
        {"Signature": "é"},
        {"SignatureVersion": "3"},
        {"TopicArn": TOPIC + "x"},
        {"Type": "Other"},
        {"MessageId": 7},
        {"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.org/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "https://user@sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "https://bucket.s3.amazonaws.com/SimpleNotificationService-1.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com/other.pem"},
        {"SigningCertURL": "https://[::1"},
    ],
    ids=str,
)
async def test_message_that_amazon_did_not_sign_is_nobodys(senders: Receiver, amazon: Amazon, change: Json) -> None:
    """Nobody's certificate but Amazon's is fetched, and none for a topic that is not known."""
    message = json.loads(amazon.message()) | change
    assert (await sent(senders, json.dumps(message).encode(), NOTICE, "sns")).status_code == 401
    assert [address for address in amazon.asked if "sns.eu-central-1.amazonaws.com/SimpleNot" not in address] == []
    assert senders.runs() == []


async def test_subscription_is_confirmed(senders: Receiver, amazon: Amazon) -> None:
    """For a topic that the file names, or for a sender with a password; by Amazon's own address only."""
    headers = {sns.TYPE_HEADER: "SubscriptionConfirmation"}
    for options in ({}, {"auth": ("gcp", "p" * 32)}):
        answer = await sent(senders, amazon.message(**CONFIRMATION), headers, "sns", **options)
        assert (answer.status_code, answer.json()["confirmed"]) == (200, TOPIC), answer.text
        assert amazon.asked[-1] == CONFIRMATION["SubscribeURL"]
    asked = len(amazon.asked)
    for address in ("https://evil.org/", "http://sns.eu-central-1.amazonaws.com/", "https://169.254.169.254/", 7):
        body = json.dumps({**CONFIRMATION, "TopicArn": TOPIC, "SubscribeURL": address}).encode()
        assert (await sent(senders, body, headers, "sns", auth=("gcp", "p" * 32))).status_code == 503
    assert len(amazon.asked) == asked


async def test_amazon_that_does_not_answer_is_asked_again(
    senders: Receiver, amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SNS sends again after a 5xx."""

    def fails(_: str) -> bytes:
        raise sns.FetchError("ConnectTimeout")

    monkeypatch.setattr(sns, "fetch", fails)
    answer = await sent(senders, amazon.message(), NOTICE, "sns")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


MINE = """
version: 1
about: our own checks
fits: check
labels: {alertname: alert.check, namespace: alert.where}
status: {value: alert.state, resolved: [good]}
"""


async def test_own_mapping_is_a_sender_without_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    """A file more is an address more; routes may name it; a broken file leaves its last good version."""
    folder = tmp_path / "senders"
    body = json.dumps({"check": "disk", "where": "shop", "state": "bad"})
    async with receiver.client(senders=folder) as client:
        unknown = await client.post("checks", content=body)
        assert (unknown.status_code, "there is no sender 'checks'" in unknown.json()["detail"]) == (404, True)
        folder.mkdir()
        (folder / "checks.yaml").write_text(MINE)
        receiver.write_routes(route(sources=["checks"]))
        assert (await client.post("checks", content=body)).json()["counts"] == {"run": 1}
        assert (await client.get("status")).json()["routes"]["problem"] == ""
        for broken in (
            "version: 1",
            "[" * 5000,
            MINE.replace("alert.check", "alert["),
            MINE.replace("alert.check", "nope(@)"),
        ):
            (folder / "checks.yaml").write_text(broken)
            assert (await client.post("checks", content=body)).json()["counts"] == {"cooldown": 1}
            told = (await client.get("status")).json()["senders"]["problem"]
            assert str(folder / "checks.yaml") in told
        (folder / "checks.yaml").unlink()
        assert (await client.post("checks", content=body)).status_code == 404
        told = (await client.get("status")).json()
        assert (told["senders"]["problem"], "checks" in told["routes"]["problem"]) == ("", True)


async def test_names_that_there_are_not_are_said(receiver: Receiver) -> None:
    """A typo in a credential's addresses or routes keeps somebody out, and everybody's token stays good."""
    found = yaml.safe_load(receiver.credentials.read_text())
    found["credentials"][1] |= {"endpoints": ["grafna"], "routes": ["dashbords"]}
    receiver.credentials.write_text(yaml.safe_dump(found))
    async with receiver.client() as client:
        told = (await client.get("status")).json()["credentials"]["problem"]
        assert told.split("; ") == [
            "grafana names the address grafna, which there is not",
            "grafana names the route dashbords, which there is not",
        ]
        assert (await client.post("alertmanager", content=BODY)).status_code == 200
