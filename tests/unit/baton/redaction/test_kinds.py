"""What is found of sixty kinds of secrets, and what is not: the figures of docs/diagnostics.md."""

import random
from pathlib import Path

import pytest
from tests.unit.baton.redaction.kinds import KINDS

from baton.redaction.redactor import MASK, Redactor

SAMPLES = 200
SURVIVES = {"hex key of 40": 100, "password alone on a line": 100}
"""By kind, in per cent of the samples: what nothing tells from a digest, or from a word."""
PAGE = (Path(__file__).parents[4] / "docs" / "diagnostics.md").read_text()


@pytest.mark.parametrize("name", KINDS)
def test_kind_survives_as_often_as_the_docs_say(name: str) -> None:
    """Each sample is new, and the text around it stays readable."""
    chance = random.Random(name)
    survived = 0
    for _ in range(SAMPLES):
        secret, text = KINDS[name](chance)
        found = Redactor().text(text)
        survived += secret in found
        assert MASK in found or secret in found
        assert Redactor().text(found) == found
    assert round(100 * survived / SAMPLES) == SURVIVES.get(name, 0)


def test_the_docs_name_what_survives() -> None:
    """With its share, and how many kinds were tried."""
    assert len(KINDS) >= 60
    assert f"{len(KINDS)} kinds" in PAGE
    for name, share in SURVIVES.items():
        assert f"| {name} | {share} % |" in PAGE


@pytest.mark.parametrize(
    "text",
    [
        "docker run -p 8080:80 nginx",
        "docker run -p 80 nginx",
        "mysql --port 3306 shop",
        "image shop@sha256:4a088c23f5687fea0b2d889d5d1efd674a088c23f5687fea0b2d889d5d1efd67",
        "commit 4f22aa9feaf4611704aab6b47cbdb0a366115b33 of main",
        "redis-cli -h cache ping",
        "kind: ConfigMap\ndata:\n  greeting: hello",
        "<name>shop</name>",
        "12:30:15:200:ok",
        "partition key 12",
        "idempotency-key fec5115f-c930-c396-7ed1-6faa3e69b9e6",
        "kubectl get secrets -n shop",
    ],
)
def test_what_looks_alike_and_is_none_stays(text: str) -> None:
    """Ports, digests, names."""
    assert Redactor().text(text) == text


def test_objects_of_the_kind_secret_lose_all_of_their_data() -> None:
    """Whatever their keys are called, as text and as object, and what follows them stays."""
    manifest = "kind: Secret\nmetadata:\n  name: smtp\nstringData:\n  a: one\n  b: |\n    two\n    three\ntype: Opaque"
    found = Redactor().text(manifest)
    assert not {"one", "two", "three"} & set(found.split())
    assert found.endswith("type: Opaque")
    assert "name: smtp" in found
    json_text = '{"apiVersion":"v1","kind":"Secret","data":{"a":"b25l","b":"dHdv"},"metadata":{"name":"smtp"}}'
    found = Redactor().text(json_text)
    assert "b25l" not in found
    assert '"name":"smtp"' in found
    assert "b25l" not in str(Redactor().object({"kind": "Secret", "data": {"a": "b25l"}, "metadata": {"name": "smtp"}}))
