"""Mutual TLS between members: who is let in, and certificates that change while nodes run."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from tests.integration.peer_nodes import Node, on_uvloop, stop, until

from raftkeeper.raft.messages import Heartbeat
from raftkeeper.server.errors import NodeError
from raftkeeper.server.peers import TlsSettings
from raftkeeper.server.peers.tls import TlsContexts


class Authority:
    """A CA, made with the openssl command."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.key, self.file = directory / "ca.key", directory / "ca.pem"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", self.key, "-out", self.file, "-days", "2", "-subj", "/CN=test"),
        )

    def sign(self, name: str, at: Path | None = None) -> TlsSettings:
        """A certificate for a DNS name."""
        base = at or self.directory / name
        key, request, signed = (Path(f"{base}.{end}") for end in ("key", "csr", "pem"))
        extension = self.directory / "extension"
        extension.write_text(f"subjectAltName=DNS:{name}\n")
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", key, "-out", request, "-subj", f"/CN={name}"),
        )
        openssl(
            *("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-days", "2"),
            *("-CAcreateserial", "-extfile", extension, "-out", signed),
        )
        return TlsSettings(signed, key, self.file)


def openssl(*arguments: object) -> None:
    """One openssl command."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@on_uvloop
async def test_members_of_one_ca_speak_in_secret(tmp_path: Path) -> None:
    """The link carries messages, and a certificate renewed in place is used by the next one."""
    authority = Authority(tmp_path / "ca")
    first, second = authority.sign("node-1"), authority.sign("node-2")
    one, two = await Node(1, tls=first).serve(), await Node(2, tls=second).serve()
    one.knows(two)
    await until(lambda: one.is_up(two) and two.is_up(one))
    one.transport.send(Heartbeat(1, 2, 1, 1, 1))
    two.transport.send_group(1, 1, 1, os.urandom(1_000_000))
    await until(lambda: two.heard and one.heard)
    authority.sign("node-2", at=second.certificate_file.with_suffix(""))
    tls = two.transport._tls
    assert tls is not None
    one.transport.drop(2, "to dial again")
    await until(lambda: tls.reloads == 1 and one.is_up(two) and len(one.events) == 3)
    await stop(one, two)


@on_uvloop
async def test_strangers_get_no_link(tmp_path: Path) -> None:
    """Another CA, or no TLS at all, on either side."""
    ours, theirs = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    one = await Node(1, tls=ours.sign("node-1")).serve()
    two = await Node(2, tls=theirs.sign("node-2")).serve()
    three = await Node(3).serve()
    for node, others in ((one, (two, three)), (two, (one,)), (three, (one,))):
        node.knows(*others)
    for node in (one, two, three):
        await until(lambda node=node: node.transport.figures.connects_failed >= 3)
    assert [event for node in (one, two, three) for event in node.events if event[0] == "up"] == []
    await stop(one, two, three)


@on_uvloop
async def test_a_name_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    """The CA may sign others than members; the pattern tells them apart, for who dials in."""
    authority = Authority(tmp_path)
    mine = authority.sign("node-1.rk")
    strict = TlsSettings(mine.certificate_file, mine.key_file, mine.ca_file, ("*.RK",))
    one = await Node(1, tls=strict).serve()
    two = await Node(2, tls=authority.sign("node-2.rk")).serve()
    three = await Node(3, tls=authority.sign("printer")).serve()
    for node in (two, three):
        node.knows(one)
    await until(lambda: two.is_up(one))
    await until(lambda: three.transport.figures.refusals["name"] >= 2)
    assert not three.is_up(one)
    await stop(one, two, three)


def test_files_that_do_not_fit_keep_the_old_ones_in_use(tmp_path: Path) -> None:
    """Half a renewal is said once; the whole one is taken. At the start it ends the node."""
    authority = Authority(tmp_path)
    settings = authority.sign("node-1")
    contexts = TlsContexts(settings)
    before = contexts.client()
    settings.key_file.write_text("no key")
    assert contexts.client() is before
    assert contexts.client() is before
    with pytest.raises(NodeError, match="do not fit"):
        TlsContexts(settings)
    settings.key_file.unlink()
    assert contexts.client() is before
    with pytest.raises(NodeError, match="cannot read"):
        TlsContexts(settings)
    authority.sign("node-1")
    assert contexts.client() is not before
    assert contexts.reloads == 1
    asyncio.set_event_loop(None)
