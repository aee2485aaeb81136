"""`call`: an operation of an HTTP API, with the credentials of an Airflow connection; JSON in and out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from baton.exceptions import PermanentError, TransientError
from baton.jobs.model.steps import CallStep
from baton.jobs.run.http import client_of
from baton.jobs.run.turn import StepInDoubtError, Turn

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 16 << 20
"""Of one answer."""
_PLACE = re.compile(r"\{([^{}]*)\}")
_REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
"""Methods that may arrive twice; RFC 9110, 9.2.2."""
_NOT_DONE = (408, 425, 429)
"""Answers that say that nothing was done, and to come again."""


def run_call(step: CallStep, turn: Turn) -> Any:
    """The answer, or the items of all of its pages.

    :raises PermanentError: refused, too large, no JSON, or redirected.
    :raises TransientError: no answer, too many requests, or the other side's fault.
    :raises StepInDoubtError: it is not known whether a call that may not arrive twice has arrived.
    """
    method, path = step.call.split(" ", 1)
    repeatable = method in _REPEATABLE if step.repeatable is None else step.repeatable
    if turn.memory.effect is not None and not repeatable:
        raise StepInDoubtError(
            f"an earlier attempt was ended during {step.call}, which may not arrive twice: look at the other side, "
            "then run the job anew"
        )
    client = client_of(step.connection, turn.opened)
    caller = _Caller(client, step.call, _filled(path, turn.value(dict(step.path))), turn, repeatable)
    params = {name: value for name, value in turn.value(dict(step.params)).items() if value not in (None, "")}
    body = turn.value(step.body)
    if step.next is None:
        return _items(step, caller.call(params, body))
    return _pages(step, caller, params, body)


def _pages(step: CallStep, caller: _Caller, params: dict[str, Any], body: Any) -> list[Any]:
    found: list[Any] = []
    for _ in range(step.max_pages):
        answer = caller.call(params, body)
        found += _items(step, answer) or []
        cursor = answer.get(step.next) if isinstance(answer, dict) else None
        if not cursor:
            return found
        params = {**params, step.cursor: cursor}
    raise PermanentError(f"there are more than {step.max_pages:,} pages: raise max_pages, or ask for less")


def _items(step: CallStep, answer: Any) -> Any:
    if step.items is None:
        return answer
    if not isinstance(answer, dict) or step.items not in answer:
        raise PermanentError(f"the answer has no field {step.items}")
    return answer[step.items]


class _Caller:
    """Makes the calls of one attempt.

    :param name: the call as the file has it: the values in its path are data, and stay out of messages.
    """

    def __init__(self, client: httpx.Client, name: str, path: str, turn: Turn, repeatable: bool) -> None:
        self._client, self._name, self._path, self._turn = client, name, path, turn
        self._method = name.partition(" ")[0]
        self._is_repeatable = repeatable

    def call(self, params: Mapping[str, Any], body: Any) -> Any:
        """One call."""
        import httpx

        headers = {"Accept": "application/json"}
        if self._method not in ("GET", "HEAD"):
            headers["Idempotency-Key"] = self._turn.idempotency_key
        self._note({"call": self._method})
        content = {} if body is None else {"json": body}
        try:
            with self._client.stream(
                self._method,
                self._path,
                params=dict(params),
                headers=headers,
                timeout=self._turn.seconds_left,
                **content,
            ) as response:
                self._check(response)
                return _json(response, self._turn)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as err:
            self._note(None)  # nothing was sent
            raise TransientError(f"{self._name}: not reached ({type(err).__name__})") from err
        except httpx.HTTPError as err:
            raise self._lost(f"no answer ({type(err).__name__})") from err

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if response.is_success:
            return
        if status in _NOT_DONE or (status == 503 and "Retry-After" in response.headers):
            self._note(None)
            raise TransientError(f"{self._name} answers {status}")
        if status >= 500:
            raise self._lost(f"answers {status}")
        self._note(None)
        words = "redirects, which is not followed" if response.is_redirect else f"answers {status}"
        raise PermanentError(f"{self._name} {words}")

    def _note(self, effect: Mapping[str, Any] | None) -> None:
        """Note that a call is under way, or that none is; what may arrive twice needs no note."""
        if not self._is_repeatable:
            self._turn.memory.note(effect)

    def _lost(self, words: str) -> Exception:
        if self._is_repeatable:
            return TransientError(f"{self._name}: {words}")
        return StepInDoubtError(f"{self._name}: {words}; whether it was done is not known, and it may not arrive twice")


def _json(response: httpx.Response, turn: Turn) -> Any:
    content = bytearray()
    for chunk in response.iter_bytes():
        turn.check_time()
        content += chunk
        if len(content) > MAX_BYTES:
            raise PermanentError(f"the answer has more than {MAX_BYTES:,} bytes")
    if not content.strip():
        return None
    try:
        return json.loads(bytes(content))
    except (ValueError, RecursionError) as err:
        raise PermanentError("the answer is no JSON") from err


def _filled(path: str, values: Mapping[str, Any]) -> str:
    """The path with a value in each place, as one segment of it whatever it holds."""
    return _PLACE.sub(lambda place: _segment(place[1], values[place[1]]), path)


def _segment(name: str, value: Any) -> str:
    text = str(value)
    if not isinstance(value, str | int | float) or text in ("", ".", ".."):
        raise PermanentError(f"{{{name}}} of the path has no value that can be a part of it")
    return quote(text, safe="")
