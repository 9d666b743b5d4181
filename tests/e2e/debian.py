"""The root of a small Debian with some packages, as one tar: the ground of images that no registry gives."""

from collections.abc import Sequence
from pathlib import Path

from e2e.home import built_once, say
from e2e.shell import need, run

RELEASE = "bookworm"
# A hundred packages from a mirror, unpacked and configured; two minutes where the disk is slow.
MAKE_TIMEOUT_S = 900
PACK_TIMEOUT_S = 300
# Left out: what the kernel gives, what apt has fetched, and what nobody reads in a container.
LEFT_OUT = (
    *("./proc/*", "./sys/*", "./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*"),
    *("./usr/share/doc/*", "./usr/share/locale/*", "./usr/share/man/*"),
)


def root(name: str, packages: Sequence[str]) -> Path:
    """The tar, made once for these packages. Needs root."""
    inputs = " ".join([RELEASE, *packages, *LEFT_OUT]).encode()

    def make(target: Path) -> None:
        say(f"making a Debian with {', '.join(packages)}, once")
        need(["debootstrap", "tar"], ["debootstrap"])
        folder = target.with_suffix(".root")
        run("rm", "-rf", "--one-file-system", folder)
        words = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", RELEASE]
        run(*words, folder, timeout_s=MAKE_TIMEOUT_S)
        excluded = [word for pattern in LEFT_OUT for word in ("--exclude", pattern)]
        run("tar", "-c", "-f", target, *excluded, "-C", folder, ".", timeout_s=PACK_TIMEOUT_S)
        run("rm", "-rf", "--one-file-system", folder)

    return built_once("debian", f"{name}.tar", inputs, make)
