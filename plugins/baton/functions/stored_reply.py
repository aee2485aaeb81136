"""A reply as plain JSON: what the callback route stores and an event carries. One writer, one reader."""

from __future__ import annotations

import base64
from typing import Any

from baton.functions.call import Reply


def state_key(call_id: str) -> str:
    """Return the key in Airflow's task state store under which the answer to a call is kept."""
    return f"function_reply/{call_id}"


def store_reply(reply: Reply) -> dict[str, Any]:
    """Return a reply as JSON; bytes that are no text survive, and so does NUL, which PostgreSQL takes in no text."""
    stored: dict[str, Any] = {"status": reply.status, "content_type": reply.content_type}
    try:
        text = reply.body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return stored | {"base64": base64.b64encode(reply.body).decode()}
    return stored | {"text": text}


def store_oversize(limit_bytes: int) -> dict[str, Any]:
    """Return what is kept of an answer past the limit."""
    return {"too_large": limit_bytes}


def is_oversize(stored: dict[str, Any]) -> bool:
    """Whether the answer was past the limit."""
    return "too_large" in stored


def is_success(stored: dict[str, Any]) -> bool:
    """Whether the function says that it went well."""
    status: int = stored.get("status", 0)
    return 200 <= status < 300


def supersedes(stored: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Whether an answer takes the place of one that came before it to the same call.

    Only a success does, and only that of a failure: a gateway that runs a call again when its time is over posts both.
    """
    return is_success(stored) and not is_success(earlier)


def load_reply(stored: dict[str, Any]) -> Reply:
    """Return the reply that was stored."""
    body = stored["text"].encode() if "text" in stored else base64.b64decode(stored["base64"])
    return Reply(stored["status"], body, stored["content_type"])
