"""AWS Lambda, through the amazon provider's connection: regions, roles and keys as everywhere in Airflow.

Lambda has no header for an idempotency key, and drops the client context of asynchronous calls. So the key travels in
the payload, in the field that the connection's extra `idempotency_field` names; that is where Powertools' idempotency
reads it.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from baton.functions.call import Call, RefusedError, Reply, UnavailableError, check_status, too_large
from baton.functions.deadline import within
from baton.functions.http_protocol import CONNECT_SECONDS, retry_after_seconds
from baton.functions.protocol import Protocol
from baton.functions.truncated_answer import has_length

IDEMPOTENCY_FIELD = "idempotency_key"


class LambdaProtocol(Protocol):
    """The Invoke API. botocore blocks, so each call has a thread.

    Why threads of its own: the event loop has a handful, which others need, too: a call that takes minutes would keep
    the rest of a triggerer waiting, and would itself be late before it was sent.

    :param connection_id: an Airflow connection of type `aws`.
    """

    def __init__(
        self, connection_id: str, response_limit_bytes: int, connections: int = 100, *, timeout_seconds: float = 900
    ) -> None:
        self.connection_id = connection_id
        self.response_limit_bytes = response_limit_bytes
        self._connections = connections
        self._timeout_seconds = timeout_seconds
        self._client: Any = None
        self._field = IDEMPOTENCY_FIELD
        self._threads = ThreadPoolExecutor(connections, "lambda")

    async def __aenter__(self) -> Self:
        """Make the client, which reads the connection."""
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the threads; one whose call nobody waits for any more ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> None:
        from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self._timeout_seconds,
            max_pool_connections=self._connections,
            retries={"total_max_attempts": 1},  # repeating is decided in one place, and that is not botocore
        )
        hook = LambdaHook(aws_conn_id=self.connection_id, config=config)
        self._field = str(hook.conn_config.extra_config.get("idempotency_field", IDEMPOTENCY_FIELD))
        self._client = hook.conn

    async def send(self, call: Call) -> Reply:
        """Make a call once; its time counts from when a thread makes it. See `Protocol.send`."""
        sent, loop = asyncio.Event(), asyncio.get_running_loop()

        def work() -> Reply:
            loop.call_soon_threadsafe(sent.set)
            return self._send(call)

        answer = loop.run_in_executor(self._threads, work)
        try:
            await within(call.timeout_seconds, sent.wait())
            return await within(call.timeout_seconds, _result(answer))
        except TimeoutError:
            raise _late(call, was_sent=sent.is_set()) from None
        finally:
            answer.cancel()  # one that no thread has taken yet will not be made

    def _send(self, call: Call) -> Reply:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

        try:
            answer = self._client.invoke(
                FunctionName=call.function,
                InvocationType="Event" if call.asynchronous else "RequestResponse",
                Payload=self._payload(call),
            )
            return self._read(call, answer)
        except ClientError as err:
            raise _refusal(call, err.response) from None
        except (BotoCoreError, OSError) as err:
            reached = not isinstance(err, EndpointConnectionError | ConnectTimeoutError)
            words = f"function {call.function}: no answer from Lambda ({type(err).__name__}, call {call.call_id})"
            raise UnavailableError(words, may_have_run=reached, lost=reached, unready=not reached) from None

    def _payload(self, call: Call) -> bytes:
        payload = json.loads(call.body)
        if isinstance(payload, dict):
            payload = {self._field: call.key, **payload}
        return json.dumps(payload).encode()

    def _read(self, call: Call, answer: dict[str, Any]) -> Reply:
        body = bytearray()
        with closing(answer["Payload"]) as stream:
            if not has_length(answer["ResponseMetadata"]["HTTPHeaders"]):
                raise _cut(call)
            while chunk := stream.read(self.response_limit_bytes + 1):  # the empty read at the end checks the length
                body += chunk
                if len(body) > self.response_limit_bytes:
                    raise too_large(call.function, call.call_id, self.response_limit_bytes)
        if answer.get("FunctionError"):
            raise UnavailableError(f"function {call.function} raised an error, see its log (call {call.call_id})")
        return Reply(answer["StatusCode"], bytes(body), "application/json")


async def _result(answer: asyncio.Future[Reply]) -> Reply:
    return await answer


def _cut(call: Call) -> UnavailableError:
    """Say that the headers ended in their middle; http.client takes such for whole, and the body for empty."""
    words = "its answer was cut before its headers were whole"
    return UnavailableError(f"function {call.function}: {words} (call {call.call_id})", lost=True)


def _late(call: Call, *, was_sent: bool) -> UnavailableError:
    if was_sent:
        words = f"did not answer within {call.timeout_seconds:g} s"
    else:
        words = f"was not called within {call.timeout_seconds:g} s: as many calls as allowed are under way"
    return UnavailableError(
        f"function {call.function}: {words} (call {call.call_id})", may_have_run=was_sent, lost=was_sent
    )


def _refusal(call: Call, response: dict[str, Any]) -> Exception:
    """Turn an error of the API into ours; its text can name principals and is left out, its code is not."""
    metadata = response.get("ResponseMetadata", {})
    code = str(response.get("Error", {}).get("Code", ""))
    wait = retry_after_seconds(metadata.get("HTTPHeaders", {}).get("retry-after"), time.time())
    try:
        check_status(call.function, f"{call.call_id}, {code}", int(metadata.get("HTTPStatusCode", 500)), wait)
    except (RefusedError, UnavailableError) as err:
        return err
    return UnavailableError(f"function {call.function}: Lambda answered {code} (call {call.call_id})")
