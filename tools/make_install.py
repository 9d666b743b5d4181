"""Writes install.yaml: the CRDs, a namespace and the operator, for `kubectl apply` (`make install-yaml`).

It is what `helm template` makes of the charts, so it needs Helm. A test compares where Helm is there.
"""

import argparse
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "install.yaml"
NAMESPACE = "raftkeeper-system"
HEADER = f"""\
# Made by `make install-yaml` from charts/; do not edit. Everything that RaftKeeper's operator needs:
#   kubectl apply --server-side -f install.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def render(helm: str) -> str:
    """The text of the file."""
    parts = [HEADER]
    for chart, release in (
        ("raftkeeper-crds", "raftkeeper-crds"),
        ("raftkeeper-operator", "raftkeeper-operator"),
    ):
        command = [helm, "template", release, f"charts/{chart}", "--namespace", NAMESPACE]
        made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        lines = [line.rstrip() for line in made.splitlines() if not line.startswith("# Source:")]
        # The objects are applied by kubectl, and nothing but Helm may claim to be Helm.
        parts.append(
            "\n".join(lines).replace("managed-by: Helm", "managed-by: kubectl").rstrip() + "\n"
        )
    return "".join(parts)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="write install.yaml")
    parser.add_argument("--helm", default="helm")
    TARGET.write_text(render(parser.parse_args().helm), encoding="utf-8")


if __name__ == "__main__":
    main()
