"""A report's files as delivery sees them: checked against their manifest, with links that expire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from baton.exceptions import PermanentError, TransientError
from baton.reports.delivery import RenderedReport

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

LINK_DAYS = 7
"""The longest that a signed S3 address can live."""
LINKED = {"pdf": ("PDF", "application/pdf"), "page": ("Page", "text/html; charset=utf-8")}


def link_lifetime(credentials: Any, now: datetime) -> str:
    """Say in words how long a link that these credentials sign works.

    Source: Amazon S3, "Sharing objects with presigned URLs"
    """
    if credentials is None or not credentials.token:
        return f"for {LINK_DAYS} days"
    ends = getattr(credentials, "_expiry_time", None)
    if ends is None:
        return "for some hours at most, as the store's credentials are temporary"
    if ends - now > timedelta(days=LINK_DAYS):
        return f"for {LINK_DAYS} days"
    return f"until {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC at most, when the store's credentials end"


@dataclass(frozen=True)
class Files:
    """Files at ``s3://`` through the connection `aws_default`, or at ``file://``, which has no links."""

    connection_id: str = "aws_default"

    def manifest(self, uri: str) -> dict[str, Any]:
        """Read a manifest."""
        content: dict[str, Any] = json.loads(self.read(uri))
        return content

    def read(self, uri: str) -> bytes:
        """Read a file.

        :raises PermanentError: it does not exist, or may not be read.
        :raises TransientError: the store does not answer.
        """
        if uri.startswith("file:///"):
            return Path(unquote(urlsplit(uri).path)).read_bytes()
        from botocore.exceptions import BotoCoreError, ClientError

        parts = urlsplit(uri)
        try:
            body = self._hook().get_conn().get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"]
            return bytes(body.read())
        except ClientError as err:
            code = err.response.get("Error", {}).get("Code", "")
            if int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500:
                raise TransientError(f"{uri} cannot be read: the store answered {code}") from err
            raise PermanentError(
                f"{uri} cannot be read ({code}): render the report again, or check aws_default"
            ) from err
        except (BotoCoreError, OSError) as err:
            raise TransientError(f"{uri} cannot be read ({type(err).__name__}): is the object store up?") from err

    def rendered_report(self, manifest: Mapping[str, Any]) -> RenderedReport:
        """Give what a manifest names, ready for delivery. Files are read when a channel asks for them."""
        files = {file["kind"]: file for file in manifest["files"]}

        def read(kind: str) -> bytes | None:
            return self._checked(files[kind]) if kind in files else None

        return RenderedReport(
            report_id=manifest["report_id"],
            title=manifest["title"],
            period_label=manifest["period_label"],
            headline=manifest["headline"],
            read=read,
            links=self._links(files),
            links_work=self._links_work(files),
        )

    def _checked(self, file: Mapping[str, Any]) -> bytes:
        content = self.read(file["uri"])
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            raise TransientError(f"{file['uri']} is not the file that its manifest names: it is being rendered again")
        return content

    def _links(self, files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        found = {LINKED[kind]: file["uri"] for kind, file in files.items() if kind in LINKED}
        return {label: self.link(uri, kind) for (label, kind), uri in found.items() if uri.startswith("s3://")}

    def link(self, uri: str, content_type: str) -> str:
        """Give an address that anybody may open until it expires; treat it as a secret."""
        parts = urlsplit(uri)
        return str(
            self._hook().generate_presigned_url(
                client_method="get_object",
                params={"Bucket": parts.netloc, "Key": parts.path.lstrip("/"), "ResponseContentType": content_type},
                expires_in=LINK_DAYS * 24 * 3600,
            )
        )

    def _links_work(self, files: Mapping[str, Mapping[str, Any]]) -> str:
        """Say how long links work: one that temporary credentials have signed ends with them, whatever it says."""
        if not any(file["uri"].startswith("s3://") for file in files.values()):
            return f"for {LINK_DAYS} days"
        return link_lifetime(self._hook().get_session().get_credentials(), datetime.now(UTC))

    def _hook(self) -> S3Hook:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
        from botocore.config import Config

        # Links by the older signature, botocore's default for a server that is not AWS, are refused by newer regions.
        return S3Hook(aws_conn_id=self.connection_id, config=Config(signature_version="s3v4"))
