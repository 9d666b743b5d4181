"""The load's pod: several writers, and a page over HTTP to ask how they are and to end them.

`GET /report` gives the counts. `POST /finish` makes the writers stop, and looks for every acknowledged
write at each address that is given (`?at=host:port,…`); what is missing is in the report when that is
done (`finished`).
"""

import argparse
import asyncio
import json
import ssl
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .wire import OK, Client, Unknown
from .writer import FOLDER, Writer

VERIFY_TIMEOUT_S = 120.0
MISSING_SHOWN_MAX = 20


class Load:
    """All writers of the pod."""

    def __init__(self, given: argparse.Namespace) -> None:
        pause = given.clients / given.rate
        self._tls = (context_of(given.tls), given.host) if given.tls else None
        self.writers = [
            Writer(Client(given.host, given.port, self._tls), f"{given.name}-{n}", pause)
            for n in range(given.clients)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._finishing: asyncio.Task[None] | None = None
        self._findings: dict[str, object] = {}
        self._started = time.monotonic()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(writer.run()) for writer in self.writers]

    def report(self) -> dict[str, object]:
        """Sums over all writers; the gap is the longest of any."""
        records = [writer.record for writer in self.writers]
        died = [task.exception() for task in self._tasks if task.done() and not task.cancelled()]
        errors = [text for record in records for text in record.errors]
        return {
            "seconds": round(time.monotonic() - self._started, 1),
            "acknowledged": sum(len(record.acknowledged) for record in records),
            "writing": sum(bool(record.acknowledged) for record in records),
            "clients": len(records),
            "unknown": sum(record.unknown for record in records),
            "landed": sum(record.landed for record in records),
            # The first connection of each is none that was lost.
            "reconnects": sum(max(0, record.reconnects - 1) for record in records),
            "refused": sum(record.refused for record in records),
            "expired": sum(record.expired for record in records),
            "error_count": sum(record.error_count for record in records),
            "errors": errors + [f"a writer ended: {error!r}" for error in died if error],
            "gap_max_ms": max(record.gap_max_ms for record in records),
            "finished": bool(self._findings),
            **self._findings,
        }

    def finish(self, addresses: list[str]) -> None:
        """End the writers and look for what they were promised; asked again, look there again."""
        if self._finishing is None or self._finishing.done():
            self._findings = {}
            self._finishing = asyncio.create_task(self._finish(addresses))

    async def _finish(self, addresses: list[str]) -> None:
        for writer in self.writers:
            writer.stopping = True
        await asyncio.wait(self._tasks, timeout=VERIFY_TIMEOUT_S)
        late = sum(not task.done() for task in self._tasks)
        missing: list[str] = []
        if late:
            missing.append(f"{late} writers could not end: the service does not answer")
        for number, address in enumerate(addresses):
            # What one member holds in full the others are asked for by name.
            missing += await self._verify(address, whole=number == 0)
        self._findings = {
            "verified_at": addresses,
            "missing_count": len(missing),
            "missing": missing[:MISSING_SHOWN_MAX],
        }

    async def _verify(self, address: str, *, whole: bool) -> list[str]:
        deadline = time.monotonic() + VERIFY_TIMEOUT_S
        host, _, port = address.rpartition(":")
        while True:
            client = Client(host, int(port), self._tls)
            try:
                await client.connect()
                await client.sync(FOLDER)
                found = [text for w in self.writers for text in await check(client, w, whole=whole)]
                return [f"{address}: {text}" for text in found]
            except (OSError, Unknown) as error:
                if time.monotonic() > deadline:
                    return [f"{address}: cannot be asked: {error}"]
                await asyncio.sleep(0.5)
            finally:
                await client.close()


async def check(client: Client, writer: Writer, *, whole: bool) -> list[str]:
    """What this member lacks of what the writer was promised; `whole`: data and order too."""
    code, names = await client.children(writer.folder)
    if code != OK:
        return [f"{writer.folder}: {code}"]
    promised = writer.record.acknowledged
    found = [f"lost: {writer.folder}/{name}" for name in sorted(promised - names)]
    # Every write without an answer was settled one way or the other, so nothing else can be there.
    found += [
        f"not promised, yet there: {writer.folder}/{name}" for name in sorted(names - promised)
    ]
    last_zxid = 0
    for name in sorted(promised & names) if whole else ():
        code, data, zxid = await client.get_data(f"{writer.folder}/{name}")
        if code != OK or data != name.encode():
            found.append(f"wrong: {writer.folder}/{name}: {code} {data[:40]!r}")
        if zxid <= last_zxid:
            found.append(f"out of order: {writer.folder}/{name} has zxid {zxid:#x}")
        last_zxid = zxid
    code, data, _ = await client.get_data(writer.register)
    value = int(data or b"-1") if code == OK else -1
    if not writer.record.last_set <= value <= writer.record.last_set_sent:
        record = writer.record
        found.append(f"register {value}, promised {record.last_set}, sent {record.last_set_sent}")
    return found


def context_of(folder: Path) -> ssl.SSLContext:
    """As a Secret of type kubernetes.io/tls has it: ca.crt, and the client's own tls.crt and tls.key."""
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


async def serve(load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request over HTTP."""
    try:
        method, target, _ = (await reader.readline()).decode().split(" ", 2)
        while (await reader.readline()).strip():
            pass
        parts = urlsplit(target)
        status, answer = "200 OK", load.report()
        if method == "POST" and parts.path == "/finish":
            addresses = parse_qs(parts.query).get("at", [""])[0].split(",")
            load.finish([address for address in addresses if address])
        elif parts.path != "/report":
            status, answer = "404 Not Found", {"error": parts.path}
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
    except (ValueError, OSError):
        pass  # a probe that connects and asks nothing
    finally:
        writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=2181)
    parser.add_argument("--tls", type=Path, help="folder with ca.crt, tls.crt and tls.key")
    parser.add_argument(
        "--name", default="client", help="of the writers; each has a folder of its own"
    )
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rate", type=float, default=80.0, help="writes a second, of all clients")
    parser.add_argument("--listen", type=int, default=8000)
    given = parser.parse_args()
    load = Load(given)
    load.start()
    server = await asyncio.start_server(lambda r, w: serve(load, r, w), "0.0.0.0", given.listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
