"""Links that expire (S3's presigned URLs) in front of moto, which checks signatures only where they are headers.

A link is checked here, then its request goes on as if its signer had sent it, so that moto's own policy check holds.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]
_PREFIX = "X-Amz-"
_UNSIGNED = "UNSIGNED-PAYLOAD"


class LinkRefusedError(Exception):
    """The link is not, or no longer, valid."""


class PresignedLinks:
    """A WSGI application in front of moto's.

    :param secrets: key id → secret.
    """

    def __init__(self, app: App, secrets: Mapping[str, str]) -> None:
        self._app, self._secrets = app, secrets

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Answer a request."""
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if any(name == "X-Amz-Signature" for name, _ in query):
            try:
                self._check(environ, query)
            except LinkRefusedError as err:
                start_response("403 Forbidden", [("Content-Type", "text/plain")])
                return [f"{err}\n".encode()]
        return self._app(environ, start_response)

    def _check(self, environ: Environ, query: list[tuple[str, str]]) -> None:
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        signed = dict(query)
        key_id, region = self._scope(signed.get("X-Amz-Credential", ""))
        credentials = Credentials(key_id, self._secrets.get(key_id, ""))
        begin, seconds = signed.get("X-Amz-Date", ""), signed.get("X-Amz-Expires", "")
        path = environ["REQUEST_URI"].partition("?")[0]
        rest = urlencode([(name, value) for name, value in query if name != "X-Amz-Signature"])
        request = AWSRequest("GET", f"{path}?{rest}", headers={"Host": environ["HTTP_HOST"]})
        request.context["timestamp"] = begin
        auth = S3SigV4QueryAuth(credentials, "s3", region)
        expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if key_id not in self._secrets or not hmac.compare_digest(expected, signed["X-Amz-Signature"]):
            raise LinkRefusedError("SignatureDoesNotMatch")
        if environ["REQUEST_METHOD"] != "GET" or _is_over(begin, seconds):
            raise LinkRefusedError("Request has expired")
        self._sign(environ, path, [item for item in query if not item[0].startswith(_PREFIX)], credentials, region)

    def _scope(self, text: str) -> tuple[str, str]:
        """Key id and region of `KEY/DAY/REGION/s3/aws4_request`."""
        parts = text.split("/")
        if len(parts) != 5:
            raise LinkRefusedError("AuthorizationQueryParametersError")
        return parts[0], parts[2]

    def _sign(self, environ: Environ, path: str, query: list[tuple[str, str]], credentials: Any, region: str) -> None:
        """Make the request one whose signature is a header."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        rest = urlencode(query)
        uri = f"{path}?{rest}" if rest else path
        headers = {"Host": environ["HTTP_HOST"], "X-Amz-Content-SHA256": _UNSIGNED}
        request = AWSRequest("GET", uri, headers=headers)
        request.context["payload_signing_enabled"] = False
        S3SigV4Auth(credentials, "s3", region).add_auth(request)
        environ |= {"QUERY_STRING": rest, "REQUEST_URI": uri, "RAW_URI": uri}
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = request.headers[name]


def _is_over(begin: str, seconds: str) -> bool:
    try:
        start = datetime.strptime(begin, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.now(UTC) > start + timedelta(seconds=int(seconds))
    except (ValueError, OverflowError):
        return True
