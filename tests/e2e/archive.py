"""Writes a container image of a few files as an archive, without any engine.

For images that are one program and nothing else (the pause program, CoreDNS). The format is the one of
`docker save`, which every engine and containerd import.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def write(
    target: Path, name: str, files: Mapping[str, Path], command: Sequence[str], user: str = "0"
) -> None:
    """An image `name` that holds `files` (path inside → file here) and runs `command`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for inside, source in sorted(files.items()):
            _add(tar, inside.lstrip("/"), source.read_bytes(), 0o755)
    content = layer.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(command), "User": user},
        "rootfs": {"type": "layers", "diff_ids": [_digest(content)]},
    }
    encoded = json.dumps(config).encode()
    config_name = f"{_digest(encoded).removeprefix('sha256:')}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(target, mode="w") as tar:
        _add(tar, config_name, encoded, 0o644)
        _add(tar, "layer.tar", content, 0o644)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)


def renamed(source: Path, target: Path, name: str) -> None:
    """The image of an archive under another name: a second "version" that is byte for byte the first."""
    with tarfile.open(source) as given, tarfile.open(target, mode="w") as tar:
        for entry in given:
            # An index of newer engines names the image too; without it the manifest counts.
            if entry.name in {"index.json", "repositories", "oci-layout"}:
                continue
            content = given.extractfile(entry)
            if entry.name == "manifest.json" and content is not None:
                manifest = json.load(content)
                manifest[0]["RepoTags"] = [name]
                _add(tar, entry.name, json.dumps(manifest).encode(), 0o644)
            else:
                tar.addfile(entry, content)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
