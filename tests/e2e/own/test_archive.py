"""Image archives: what is written can be read as an engine would."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from e2e import archive


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Manifest, configuration, and the files of the first layer."""
    with tarfile.open(path) as tar:
        content = {name: tar.extractfile(name) for name in tar.getnames()}
        manifest = json.loads(content["manifest.json"].read())[0]  # type: ignore[union-attr]
        config = json.loads(content[manifest["Config"]].read())  # type: ignore[union-attr]
        layer = content[manifest["Layers"][0]]
        assert layer is not None
        digest = hashlib.sha256(layer.read()).hexdigest()
        assert config["rootfs"]["diff_ids"][0] == f"sha256:{digest}"
        layer.seek(0)
        with tarfile.open(fileobj=layer) as inner:
            return manifest, config, inner.getnames()


def test_image_holds_its_file_and_its_command(tmp_path: Path) -> None:
    """One program, at its place, under its name."""
    program = tmp_path / "program"
    program.write_text("run me")
    target = tmp_path / "image.tar"
    archive.write(target, "localhost/it:1", {"/bin/it": program}, ["/bin/it"], user="7")
    manifest, config, files = read(target)
    assert manifest["RepoTags"] == ["localhost/it:1"]
    assert config["config"]["Entrypoint"] == ["/bin/it"]
    assert config["config"]["User"] == "7"
    assert files == ["bin/it"]


def test_renamed_image_differs_in_its_name_only(tmp_path: Path) -> None:
    """The same layers and configuration, another name."""
    program = tmp_path / "program"
    program.write_text("run me")
    first, second = tmp_path / "first.tar", tmp_path / "second.tar"
    archive.write(first, "localhost/it:1", {"/it": program}, ["/it"])
    archive.renamed(first, second, "localhost/it:2")
    (manifest, config, files), (other, other_config, other_files) = read(first), read(second)
    assert other["RepoTags"] == ["localhost/it:2"]
    assert (config, files) == (other_config, other_files)
    assert manifest["Config"] == other["Config"]
