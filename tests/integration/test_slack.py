"""Slack's stand-in, asked by Slack's own client as Airflow's provider uses it."""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from baton_local import slack
from baton_local.component import is_healthy


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """Address, token and folder of a server that runs."""
    folder, token = tmp_path_factory.mktemp("slack"), f"xoxb-{secrets.token_hex(8)}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "credentials").write_text(json.dumps({"slack_token": token}))
    messages = folder / "messages"
    messages.mkdir()
    command = [sys.executable, "-m", "baton_local.slack", str(port), str(folder / "credentials"), str(messages)]
    process = subprocess.Popen(command, env={"PYTHONPATH": str(Path(slack.__file__).parents[1])})
    try:
        retry(retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(20), wait=wait_fixed(0.05))(
            is_healthy
        )(port)
        yield f"http://127.0.0.1:{port}", token, messages
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_a_message_with_blocks_is_kept(workspace: tuple[str, str, Path]):
    """What was sent to which channel can be read afterwards."""
    address, token, messages = workspace
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*late*"}}]
    answer = WebClient(token, base_url=f"{address}/api/").chat_postMessage(channel="#ops", text="late", blocks=blocks)

    kept = [json.loads(path.read_text()) for path in messages.glob("*-_ops.json")]
    assert [(message["blocks"], message["ts"]) for message in kept] == [(blocks, answer["ts"])]


def test_a_file_arrives_byte_for_byte(workspace: tuple[str, str, Path]):
    """An upload in Slack's three steps leaves the file and a message that names it."""
    address, token, messages = workspace
    content = bytes(range(256)) * 50
    WebClient(token, base_url=f"{address}/api/").files_upload_v2(
        content=content, filename="report.pdf", channel="C012345678", initial_comment="here"
    )

    assert [path.read_bytes() for path in messages.glob("F*-report.pdf")] == [content]
    assert [json.loads(path.read_text())["names"] for path in messages.glob("*C012345678.json")] == [["report.pdf"]]


@pytest.mark.parametrize(("token", "error"), [("xoxb-wrong", "invalid_auth"), ("", "not_authed")])
def test_a_wrong_token_is_refused_as_slack_does(workspace: tuple[str, str, Path], token: str, error: str):
    """The answer is 200 with a named error."""
    with pytest.raises(SlackApiError, match=error):
        WebClient(token, base_url=f"{workspace[0]}/api/").chat_postMessage(channel="#ops", text="x")


def test_an_incoming_webhook_wants_the_secret_in_its_address(workspace: tuple[str, str, Path]):
    """Webhooks know no bearer token."""
    address, token, messages = workspace
    assert httpx.post(f"{address}/services/wrong", json={"text": "x"}).status_code == 403
    assert httpx.post(f"{address}/services/{token}", json={"text": "by webhook"}).text == "ok"
    assert [json.loads(path.read_text())["text"] for path in messages.glob("*-webhook.json")] == ["by webhook"]
