"""An object store in a thread, as far as backups speak S3. It checks digests, and can be told to fail."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from raftkeeper.tools.s3 import PART_BYTES, S3, S3Access

BUCKET = "backups"
PAGE_KEYS = 3


class FakeS3:
    """`objects` by key. `failures` are statuses that the next requests get, in order; `refused` those
    of all requests that have such a text in their first line. `cut`: so many answers end half way.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.failures: list[int] = []
        self.refused: dict[str, int] = {}
        self.cut = 0
        self.requests: list[str] = []
        self.pauses: list[float] = []
        fake = self

        class Handler(_Handler):
            store = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def client(self, bucket: str = BUCKET, part_bytes: int = PART_BYTES) -> S3:
        """Of this store."""
        access = S3Access(bucket, self.endpoint, "us-east-1", "key", "secret")
        return S3(access, pause=self.pauses.append, part_bytes=part_bytes)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to find it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: FakeS3
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def do_GET(self) -> None:
        key, query = self._begin()
        if key is None:
            return
        if "list-type" in query:
            self._list(query)
        elif key in self.store.objects:
            self._answer(200, self.store.objects[key])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_PUT(self) -> None:
        key, query = self._begin()
        if key is None:
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            self._answer(400, b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>")
        elif "uploadId" in query:
            self.store.parts[query["uploadId"]][int(query["partNumber"])] = body
            self._answer(200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')
        else:
            self.store.objects[key] = body
            self._answer(200, b"")

    def do_POST(self) -> None:
        key, query = self._begin()
        if key is None:
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "uploads" in query:
            self.store.parts[f"up-{key}"] = {}
            self._answer(200, f"<UploadId>up-{key}</UploadId>".encode())
            return
        parts = self.store.parts.pop(query["uploadId"])
        told = [int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body)]
        if told != sorted(parts):
            self._answer(200, b"<Error><Code>InvalidPart</Code></Error>")
            return
        self.store.objects[key] = b"".join(parts[number] for number in told)
        self._answer(200, b"<CompleteMultipartUploadResult/>")

    def do_DELETE(self) -> None:
        key, query = self._begin()
        if key is None:
            return
        if "uploadId" in query:
            self.store.parts.pop(query["uploadId"], None)
        else:
            self.store.objects.pop(key, None)
        self._answer(204, b"")

    def _begin(self) -> tuple[str | None, dict[str, str]]:
        place = urlsplit(self.path)
        self.store.requests.append(f"{self.command} {self.path}")
        refusals = [s for text, s in self.store.refused.items() if text in self.requestline]
        refusals = refusals or self.store.failures[:1]
        del self.store.failures[:1]
        if refusals:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(refusals[0], b"<Error><Code>Broken</Code></Error>")
            return None, {}
        bucket, _, key = unquote(place.path).removeprefix("/").partition("/")
        if bucket != BUCKET:
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            return None, {}
        return key, dict(parse_qsl(place.query, keep_blank_values=True))

    def _list(self, query: dict[str, str]) -> None:
        keys = sorted(k for k in self.store.objects if k.startswith(query["prefix"]))
        start = int(query.get("continuation-token", "0"))
        page = keys[start : start + PAGE_KEYS]
        listed = "".join(f"<Key>{quote(key)}</Key>" for key in page)
        more = start + PAGE_KEYS < len(keys)
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        token = f"<NextContinuationToken>{start + PAGE_KEYS}</NextContinuationToken>"
        self._answer(200, (listed + truncated + (token if more else "")).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.store.cut:
            self.store.cut -= 1
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(body)
