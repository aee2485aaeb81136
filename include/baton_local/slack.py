"""What a Slack workspace answers to a bot, on loopback: every message and file becomes a file, nothing is sent on.

Served: ``auth.test``, ``chat.postMessage``, ``chat.update``, ``conversations.history``, the three steps of an upload
(``files.getUploadURLExternal``, the upload itself, ``files.completeUploadExternal``) and incoming webhooks.
A message is kept as ``NNNNNN-{channel}.json``: what the caller sent, with ``ts``; a file beside it under its own name.

Run as ``python -m baton_local.slack PORT CREDENTIALS_FILE FOLDER``.
Source: https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

import hmac
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from baton_local.settings import write_private

Parameters = dict[str, Any]

MAX_BODY_BYTES = 64 * 1024 * 1024
STRUCTURED = ("blocks", "attachments", "files", "metadata")


async def _parameters(request: web.Request) -> Parameters:
    """A method's parameters, from JSON or from a form whose structured values are JSON."""
    if request.content_type == "application/json":
        body = await request.json()
        return body if isinstance(body, dict) else {}
    form = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
    return {name: json.loads(text) if name in STRUCTURED and text else text for name, text in form.items()}


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "unnamed"


class Workspace:
    """One workspace with one bot.

    :param token: of the bot; also the secret part of the webhook's address.
    :param folder: where messages and files are kept.
    """

    def __init__(self, token: str, folder: Path) -> None:
        self._token, self._folder = token, folder
        self._count = sum(1 for _ in folder.glob("*.json"))
        self._uploads: dict[str, str] = {}

    def app(self) -> web.Application:
        """The server's routes."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.post("/api/{method}", self._method),
                web.get("/api/{method}", self._method),
                web.post("/upload/{file_id}", self._upload),
                web.post("/services/{token}", self._webhook),
            ]
        )
        return app

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _method(self, request: web.Request) -> web.Response:
        """Slack answers 200 to everything that it understands; ``ok`` and ``error`` say how it went."""
        try:
            parameters = await _parameters(request)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(parameters.pop("token", ""))
        if not self._knows(token):
            return web.json_response({"ok": False, "error": "invalid_auth" if token else "not_authed"})
        method = self._methods.get(request.match_info["method"])
        answer = method(self, request, parameters) if method else {"ok": False, "error": "unknown_method"}
        return web.json_response(answer)

    def _auth_test(self, request: web.Request, _: Parameters) -> Parameters:
        return {"ok": True, "url": f"http://{request.host}/", "team": "local", "user": "baton", "user_id": "U0BATON"}

    def _post_message(self, _: web.Request, parameters: Parameters) -> Parameters:
        channel = str(parameters.get("channel") or "")
        if not channel:
            return {"ok": False, "error": "channel_not_found"}
        if not any(parameters.get(name) for name in ("text", "blocks", "attachments")):
            return {"ok": False, "error": "no_text"}
        ts = self._keep(channel, parameters)
        return {"ok": True, "channel": channel, "ts": ts, "message": {"ts": ts, "text": parameters.get("text", "")}}

    def _history(self, _: web.Request, parameters: Parameters) -> Parameters:
        """What was posted to a channel, the newest first; a channel is known by what its messages called it."""
        channel, oldest = str(parameters.get("channel") or ""), float(parameters.get("oldest") or 0)
        kept = [json.loads(path.read_text()) for path in sorted(self._folder.glob(f"*-{_safe(channel)}.json"))]
        found = [message for message in kept if message.get("channel") == channel and float(message["ts"]) >= oldest]
        return {"ok": True, "messages": found[::-1][: int(parameters.get("limit") or 100)], "has_more": False}

    def _upload_url(self, request: web.Request, parameters: Parameters) -> Parameters:
        file_id = f"F{len(self._uploads) + 1:06d}{int(time.time())}"
        self._uploads[file_id] = _safe(str(parameters.get("filename", "")))
        return {"ok": True, "upload_url": f"http://{request.host}/upload/{file_id}", "file_id": file_id}

    def _complete_upload(self, _: web.Request, parameters: Parameters) -> Parameters:
        files = [item for item in parameters.get("files") or [] if item.get("id") in self._uploads]
        if not files:
            return {"ok": False, "error": "file_not_found"}
        channel = str(parameters.get("channel_id") or parameters.get("channels") or "files")
        names = [self._uploads[item["id"]] for item in files]
        self._keep(channel, {**parameters, "names": names})
        return {"ok": True, "files": [{"id": item["id"], "title": item.get("title", "")} for item in files]}

    async def _upload(self, request: web.Request) -> web.Response:
        file_id = request.match_info["file_id"]
        if file_id not in self._uploads:
            return web.Response(status=404, text="no such upload")
        content = await request.read()
        (self._folder / f"{file_id}-{self._uploads[file_id]}").write_bytes(content)
        return web.Response(text=f"OK - {len(content)}")

    async def _webhook(self, request: web.Request) -> web.Response:
        if not self._knows(request.match_info["token"]):
            return web.Response(status=403, text="invalid_token")
        try:
            body = await request.json()
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        self._keep(str(body.get("channel") or "webhook"), body)
        return web.Response(text="ok")

    def _keep(self, channel: str, message: Parameters) -> str:
        self._count += 1
        ts = f"{time.time():.6f}"
        path = self._folder / f"{self._count:06d}-{_safe(channel)}.json"
        write_private(path, json.dumps({**message, "ts": ts}, indent=2, ensure_ascii=False))
        return ts

    _methods = {  # noqa: RUF012  (never changed)
        "auth.test": _auth_test,
        "api.test": _auth_test,
        "chat.postMessage": _post_message,
        "chat.update": _post_message,
        "conversations.history": _history,
        "files.getUploadURLExternal": _upload_url,
        "files.completeUploadExternal": _complete_upload,
    }


if __name__ == "__main__":
    bot_token: str = json.loads(Path(sys.argv[2]).read_text())["slack_token"]
    web.run_app(Workspace(bot_token, Path(sys.argv[3])).app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
