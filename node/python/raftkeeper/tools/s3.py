"""A small client of object stores that speak S3: put, get, list, delete, signed with Signature Version 4.

It knows what backups need and no more: keys of one bucket, large files in parts, a bounded number of
retries. Credentials come from the environment, under the names that every other tool uses.
"""

import hashlib
import hmac
import html
import http.client
import os
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PART_BYTES = 64 * 1024 * 1024
"""Longer files go up in parts of this size: at most 10,000 are allowed, so 640 GB is the bound."""

PIECE_BYTES = 1024 * 1024
TIMEOUT_S = 60.0
"""Of each socket operation: a store that says nothing for a minute is asked again."""

ATTEMPTS_MAX = 4
PAUSE_FIRST_S = 0.5
PAGES_MAX = 1000
"""Of a listing, a thousand keys each."""

ANSWER_BYTES_MAX = 16 * 1024 * 1024

_AGAIN = frozenset((429, 500, 502, 503, 504))
_EMPTY = hashlib.sha256(b"").hexdigest()


class S3Error(Exception):
    """The store refused, or cannot be reached."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """Which bucket, and how to prove that one may."""

    bucket: str
    endpoint: str
    """With its scheme. The bucket is the first part of the path there."""
    region: str
    key_id: str
    secret: str
    session_token: str = ""
    ca_file: str = ""

    @classmethod
    def from_environment(cls, bucket: str, environment: Mapping[str, str]) -> "S3Access":
        """S3Error when something is missing."""

        def first(*names: str) -> str:
            return next((environment[name] for name in names if environment.get(name)), "")

        region = first("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        access = cls(
            bucket=bucket,
            endpoint=endpoint or f"https://s3.{region}.amazonaws.com",
            region=region,
            key_id=first("AWS_ACCESS_KEY_ID"),
            secret=first("AWS_SECRET_ACCESS_KEY"),
            session_token=first("AWS_SESSION_TOKEN"),
            ca_file=first("AWS_CA_BUNDLE"),
        )
        if not access.key_id or not access.secret:
            raise S3Error("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
        if not _is_address(access.endpoint):
            raise S3Error(f"AWS_ENDPOINT_URL must be http://host:port or https://…: {endpoint!r}")
        return access


def sign(
    access: S3Access,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    """The Authorization of a request with these headers, whose names are in lower case."""
    moment = headers["x-amz-date"]
    day = moment[:8]
    names = ";".join(sorted(headers))
    request = "\n".join(
        [
            method,
            path,
            _query(query),
            *(f"{name}:{headers[name].strip()}" for name in sorted(headers)),
            "",
            names,
            headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{day}/{access.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{access.secret}".encode()
    for part in (day, access.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={access.key_id}/{scope},"
        f"SignedHeaders={names},Signature={signature}"
    )


class S3:
    """One bucket."""

    def __init__(
        self,
        access: S3Access,
        pause: Callable[[float], None] = time.sleep,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._access = access
        self._pause = pause
        self._part_bytes = part_bytes
        self._place = urllib.parse.urlsplit(access.endpoint)

    def put_file(self, key: str, file: Path) -> None:
        """In parts when it is long; what has arrived is checked by the store."""
        size = file.stat().st_size
        if size <= self._part_bytes:
            self._ask("PUT", key, body=file.read_bytes())
            return
        begun = self._ask("POST", key, {"uploads": ""})
        upload = _only(rb"<UploadId>(.*?)</UploadId>", begun)
        try:
            tags = [
                self._put_part(key, upload, number, part)
                for number, part in enumerate(_parts(file, self._part_bytes), start=1)
            ]
            listed = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
                for number, tag in enumerate(tags, start=1)
            )
            body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            done = self._ask("POST", key, {"uploadId": upload}, body=body)
            if b"<Error>" in done:  # it is said with status 200, because it takes long
                raise S3Error(f"{key} was not put together: {_code(done)}")
        except BaseException as error:
            try:
                self._ask("DELETE", key, {"uploadId": upload})
            except S3Error as left:  # the first error is the one to be told
                error.add_note(f"its parts stay at the store: {left}")
            raise

    def put(self, key: str, data: bytes) -> None:
        """A small object."""
        self._ask("PUT", key, body=data)

    def get(self, key: str) -> bytes | None:
        """A small object; None when it is not there."""
        answer: list[bytes] = []
        return b"".join(answer) if self._fetch(key, answer.append, answer.clear) else None

    def get_file(self, key: str, target: Path) -> bool:
        """Into a file; False when it is not there."""
        with target.open("wb") as file:
            found = self._fetch(key, file.write, lambda: file.truncate(file.seek(0)))
            file.flush()
            os.fsync(file.fileno())
        return found

    def keys(self, prefix: str) -> Iterator[str]:
        """Those that begin so, in order."""
        query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
        for _ in range(PAGES_MAX):
            page = self._ask("GET", "", query)
            for key in re.findall(rb"<Key>(.*?)</Key>", page):
                yield urllib.parse.unquote_plus(html.unescape(key.decode()))
            if b"<IsTruncated>true" not in page:
                return
            token = _only(rb"<NextContinuationToken>(.*?)</NextContinuationToken>", page)
            query = {**query, "continuation-token": token}
        raise S3Error(f"more than {PAGES_MAX} pages of keys begin with {prefix!r}")

    def delete(self, key: str) -> None:
        """Nothing when it is gone already."""
        self._ask("DELETE", key)

    # ---- requests --------------------------------------------------------------------------------

    def _put_part(self, key: str, upload: str, number: int, part: bytes) -> str:
        headers: dict[str, str] = {}
        query = {"partNumber": str(number), "uploadId": upload}
        self._ask("PUT", key, query, body=part, told=headers)
        return headers.get("etag", "")

    def _fetch(
        self,
        key: str,
        take: Callable[[bytes], object],
        restart: Callable[[], object],
    ) -> bool:
        """`restart` is called before the first piece of each attempt."""

        def read(response: http.client.HTTPResponse) -> bytes:
            restart()
            expected = response.length
            length = 0
            while piece := response.read(PIECE_BYTES):
                take(piece)
                length += len(piece)
            if expected is not None and length != expected:
                raise http.client.IncompleteRead(b"", expected - length)
            return b"there"

        return bool(self._ask("GET", key, read=read, may_miss=True))

    def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        told: dict[str, str] | None = None,
        read: Callable[[http.client.HTTPResponse], bytes] | None = None,
        may_miss: bool = False,
    ) -> bytes:
        """The answer; b"" when the object may be missing and is. Tried again when that can help."""
        pause_s = PAUSE_FIRST_S
        for attempt in range(1, ATTEMPTS_MAX + 1):
            connection = self._connect()
            try:
                response = self._send(connection, method, key, query or {}, body)
                if response.status < 300:
                    if told is not None:
                        told.update({name.lower(): value for name, value in response.getheaders()})
                    return (read or _read_answer)(response)
                answer = _read_answer(response)
                if response.status == 404 and may_miss and b"NoSuchBucket" not in answer:
                    return b""
                problem = f"{_code(answer)} (HTTP {response.status})"
                final = response.status not in _AGAIN
            except (OSError, http.client.HTTPException) as error:
                problem, final = str(error) or type(error).__name__, False
            finally:
                connection.close()
            if final or attempt == ATTEMPTS_MAX:
                place = f"{self._access.endpoint}, bucket {self._access.bucket}"
                raise S3Error(f"{method} of {key or 'the list of keys'} at {place}: {problem}")
            self._pause(pause_s)
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    def _connect(self) -> http.client.HTTPConnection:
        host = self._place.hostname or ""
        if self._place.scheme == "http":
            return http.client.HTTPConnection(host, self._place.port, timeout=TIMEOUT_S)
        try:
            tls = ssl.create_default_context(cafile=self._access.ca_file or None)
        except OSError as error:  # what cannot be parsed is one too
            ca_file = self._access.ca_file
            raise S3Error(f"AWS_CA_BUNDLE {ca_file!r} cannot be used: {error.strerror}") from error
        return http.client.HTTPSConnection(host, self._place.port, timeout=TIMEOUT_S, context=tls)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        key: str,
        query: Mapping[str, str],
        body: bytes,
    ) -> http.client.HTTPResponse:
        now = datetime.now(UTC)
        base = self._place.path.rstrip("/")
        path = urllib.parse.quote(f"{base}/{self._access.bucket}/{key}".rstrip("/"), safe="/-_.~")
        headers = {
            "host": self._place.netloc,
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest() if body else _EMPTY,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        }
        if self._access.session_token:
            headers["x-amz-security-token"] = self._access.session_token
        authorization = sign(self._access, method, path, query, headers)
        target = f"{path}?{_query(query)}" if query else path
        connection.request(
            method, target, body=body or None, headers={**headers, "authorization": authorization}
        )
        return connection.getresponse()


def _query(query: Mapping[str, str]) -> str:
    quoted = {urllib.parse.quote(k, safe="-_.~"): query[k] for k in query}
    return "&".join(f"{k}={urllib.parse.quote(quoted[k], safe='-_.~')}" for k in sorted(quoted))


def _is_address(endpoint: str) -> bool:
    try:
        place = urllib.parse.urlsplit(endpoint)
        return place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0
    except ValueError:  # a port that is no number
        return False


def _parts(file: Path, part_bytes: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        while part := source.read(part_bytes):
            yield part


def _read_answer(response: http.client.HTTPResponse) -> bytes:
    return response.read(ANSWER_BYTES_MAX)


def _only(pattern: bytes, answer: bytes) -> str:
    found = re.search(pattern, answer)
    if found is None:
        raise S3Error("the store's answer is not that of S3")
    return html.unescape(found[1].decode())


def _code(answer: bytes) -> str:
    code = re.search(rb"<Code>(.*?)</Code>", answer)
    message = re.search(rb"<Message>(.*?)</Message>", answer)
    told = [found[1].decode(errors="replace") for found in (code, message) if found]
    return ": ".join(told) or "refused"
