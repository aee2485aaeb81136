"""An upload of unknown size: parts travel while the next one is filled, a small object in one request."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from baton_workloads.storage.base import Sink

PART_BYTES = 16 << 20  # 10,000 parts are the most that S3 takes: 160 GB in one object
UNDER_WAY = 2  # parts in memory besides the one that is being filled


class Upload(Sink):
    """One object on its way. ``complete`` or ``abort`` has to be called in the end.

    :param said: gives a context that turns the client's errors into ours.
    """

    def __init__(self, s3: Any, bucket: str, key: str, said: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._s3, self._place, self._said = s3, {"Bucket": bucket, "Key": key}, said
        self._buffer = bytearray()
        self._upload_id = ""
        self._pool = ThreadPoolExecutor(max_workers=UNDER_WAY, thread_name_prefix="upload")
        self._sent: deque[Future[dict[str, Any]]] = deque()
        self._parts: list[dict[str, Any]] = []
        self._number = 0

    def _take(self, block: bytes) -> None:
        self._buffer += block
        while len(self._buffer) >= PART_BYTES:
            part = bytes(memoryview(self._buffer)[:PART_BYTES])
            del self._buffer[:PART_BYTES]
            with self._said():
                self._send(part)

    def _send(self, part: bytes) -> None:
        if not self._upload_id:
            self._upload_id = self._s3.create_multipart_upload(**self._place)["UploadId"]
        while len(self._sent) >= UNDER_WAY:
            self._parts.append(self._sent.popleft().result())
        self._number += 1
        self._sent.append(self._pool.submit(self._put, self._number, part))

    def _put(self, number: int, part: bytes) -> dict[str, Any]:
        answer = self._s3.upload_part(**self._place, UploadId=self._upload_id, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def complete(self) -> None:
        """Send what is left and publish the object."""
        with self._said():
            self._complete()
        self._upload_id = ""
        self._pool.shutdown()

    def _complete(self) -> None:
        if not self._upload_id:
            self._s3.put_object(**self._place, Body=bytes(self._buffer))
        else:
            if self._buffer:
                self._send(bytes(self._buffer))
            self._parts += [future.result() for future in self._sent]
            self._sent.clear()
            self._s3.complete_multipart_upload(
                **self._place, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
            )

    def abort(self) -> None:
        """Give up: wait for what is under way, then let the store forget the parts. Never raises."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._upload_id:
            try:
                self._s3.abort_multipart_upload(**self._place, UploadId=self._upload_id)
            except Exception:  # the error that led here matters more; `abandon` finds the rest
                return
