"""Knative, or any HTTP service that takes CloudEvents 1.0.

The event's id is the idempotency key: receivers may take events with the same source and id for the same event.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

from baton.functions.bearer import GatewayProtocol
from baton.functions.call import Call, RefusedError, Reply
from baton.functions.http_protocol import Endpoint

SOURCE = "urn:baton:airflow"
EVENT_TYPE = "dev.baton.function.call"
ENVELOPE = "application/cloudevents+json"


class CloudEventsProtocol(GatewayProtocol):
    """A receiver of CloudEvents.

    :param structured: the event's attributes and data in one JSON document, instead of attributes as headers.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        response_limit_bytes: int,
        connections: int = 100,
        *,
        structured: bool = False,
        source: str = SOURCE,
        event_type: str = EVENT_TYPE,
    ) -> None:
        super().__init__(endpoint, response_limit_bytes, connections)
        self.structured, self.source, self.event_type = structured, source, event_type

    def _attributes(self, call: Call) -> dict[str, str]:
        return {
            "specversion": "1.0",
            "id": call.key,
            "source": self.source,
            "type": self.event_type,
            "subject": call.function,
        }

    def headers(self, call: Call) -> dict[str, str]:
        """Add the event's attributes, or the envelope's type."""
        headers = super().headers(call)
        if self.structured:
            return headers | {"Content-Type": f"{ENVELOPE}; charset=utf-8"}
        # Header values of the binary mode are percent-encoded beyond printable ASCII (3.1.3.2 of the binding).
        safe = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")
        return headers | {f"ce-{name}": quote(value, safe=safe) for name, value in self._attributes(call).items()}

    def body(self, call: Call) -> bytes:
        """Return the data, or the whole event."""
        if not self.structured:
            return call.body
        event: dict[str, Any] = {
            **self._attributes(call),
            "datacontenttype": "application/json",
            "data": json.loads(call.body),
        }
        return json.dumps(event).encode()

    def reply(self, reply: Reply) -> Reply:
        """Take the envelope off an answer that is a structured event itself."""
        if not reply.content_type.startswith(ENVELOPE):
            return reply
        try:
            body, content_type = _data_of(json.loads(reply.body))
        except (ValueError, TypeError, RecursionError) as err:
            raise RefusedError("the function's answer is not the CloudEvent that its Content-Type says") from err
        return Reply(reply.status, body, content_type, reply.location)


def _data_of(event: dict[str, Any]) -> tuple[bytes, str]:
    """Return an event's data and their type; an event may have none, or hold bytes as base64.

    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md, 3.1.
    """
    if not isinstance(event, dict):
        raise TypeError("an event is an object")
    if "data_base64" in event:
        return base64.b64decode(event["data_base64"], validate=True), str(event.get("datacontenttype", ""))
    return (json.dumps(event["data"]).encode() if "data" in event else b""), "application/json"
