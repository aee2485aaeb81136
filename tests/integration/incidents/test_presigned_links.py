"""Links that expire, on the local S3."""

from __future__ import annotations

import boto3
import httpx
import pytest
from botocore.config import Config

from baton_local.object_store import REGION


@pytest.fixture
def links(services):
    """Makes links to an object whose content is `found`."""
    services.s3.put_object(Bucket="diagnostics", Key="a folder/x+y.txt", Body=b"found")
    key = services.s3._request_signer._credentials
    client = boto3.client(
        "s3",
        endpoint_url=services.s3.meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=Config(signature_version="s3v4"),
    )

    def make(seconds=60, bucket="diagnostics"):
        parameters = {"Bucket": bucket, "Key": "a folder/x+y.txt"}
        return client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)

    return make


def test_a_link_gives_the_object(links):
    """Without any key of the reader's own."""
    assert httpx.get(links()).content == b"found"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"), "SignatureDoesNotMatch"),
        (lambda link: link.replace("x%2By", "z"), "SignatureDoesNotMatch"),
        (lambda link: link.replace("Expires=60", "Expires=9999"), "SignatureDoesNotMatch"),
        (lambda link: link.replace("Credential=BATON", "Credential=OTHER"), "SignatureDoesNotMatch"),
    ],
)
def test_a_changed_link_gives_nothing(links, change, word):
    """Signature, object, time and key belong together."""
    answer = httpx.get(change(links()))
    assert (answer.status_code, answer.text.strip()) == (403, word)


def test_a_link_expires(links):
    """Also one whose signature is right."""
    assert httpx.get(links(seconds=-1)).status_code == 403


def test_a_link_reaches_no_further_than_its_signer(links):
    """The key of Airflow's connection has no right to raw data."""
    assert httpx.get(links(bucket="raw")).status_code == 403


def test_a_link_is_for_reading(links):
    """Not for writing, nor for deleting."""
    assert httpx.put(links(), content=b"x").status_code == 403
    assert httpx.delete(links()).status_code == 403
