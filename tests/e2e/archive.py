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

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write(
    target: Path, name: str, files: Mapping[str, Path], command: Sequence[str], user: str = "0"
) -> None:
    """An image `name` that holds `files` (path inside → file here) and runs `command`."""
    write_layers(target, name, [layer_of(target, files)], command, user)


def layer_of(beside: Path, files: Mapping[str, Path]) -> Path:
    """A layer with these files, all of root and readable by everybody."""
    layer = beside.with_suffix(".layer")
    with tarfile.open(layer, mode="w") as tar:
        for inside, source in sorted(files.items()):
            entry = tarfile.TarInfo(inside.lstrip("/"))
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)
    return layer


def write_layers(
    target: Path, name: str, layers: Sequence[Path], command: Sequence[str], user: str = "0"
) -> None:
    """An image `name` of whole layers, the lowest first. A `.layer` beside the target is used up."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(command), "User": user, "Env": [f"PATH={SEARCH_PATH}"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest_of(layer) for layer in layers]},
    }
    encoded = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": names}]
    with tarfile.open(target, mode="w") as tar:
        _add(tar, config_name, encoded, 0o644)
        for layer_name, layer in zip(names, layers, strict=True):
            tar.add(layer, layer_name)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
    target.with_suffix(".layer").unlink(missing_ok=True)


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


def _digest_of(path: Path) -> str:
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
