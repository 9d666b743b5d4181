"""Addresses, routes and firewall rules of the local cluster, and cutting a node off.

Pods hang on the machine by point-to-point links (the CNI plugin `ptp`), so everything between two pods
passes the machine's FORWARD chain, also within a node. Our rules stand in chains of our own.
"""

import json
from ipaddress import ip_address, ip_network
from pathlib import Path

from e2e.local.layout import (
    CONTROL_PLANE_ADDRESS,
    NODES,
    POD_NETWORK,
    Node,
    state,
)
from e2e.shell import CommandFailed, run, succeeds

CHAIN = "RAFTKEEPER-E2E"
# Asked before packets between pods are let through; filled by `policies.py`.
POLICY_CHAIN = f"{CHAIN}-POLICY"
# Chains of kube-proxy begin so; no rule of others does on a machine that runs no second Kubernetes.
PROXY_CHAINS = ("KUBE-",)
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def up() -> None:
    """Give the machine the nodes' addresses, let pods' packets through, and out to the world."""
    for address in _addresses():
        run("ip", "address", "replace", f"{address}/32", "dev", "lo")
    remembered = state() / "ip_forward.before"
    if not remembered.exists():
        remembered.write_text(FORWARDING.read_text())
    FORWARDING.write_text("1\n")
    for table, parent in (("filter", "FORWARD"), ("filter", "INPUT"), ("filter", "OUTPUT")):
        _hook(table, parent)
    if not succeeds("iptables", "-w", "-n", "-L", POLICY_CHAIN):
        run("iptables", "-w", "-N", POLICY_CHAIN)
    _ensure("filter", f"{CHAIN}-FORWARD", ["-j", POLICY_CHAIN])
    # FORWARD's policy may be DROP, where a Docker has been; ours is decided here.
    for direction in ("-s", "-d"):
        _ensure("filter", f"{CHAIN}-FORWARD", [direction, POD_NETWORK, "-j", "ACCEPT"])
    _hook("nat", "POSTROUTING")
    outside = ["-s", POD_NETWORK, "!", "-d", "10.0.0.0/8", "-j", "MASQUERADE"]
    _ensure("nat", f"{CHAIN}-POSTROUTING", outside)
    for node in NODES:
        _write_cni(node)


def cut_off(node: Node) -> None:
    """No packet to or from the node's pods, except within the node; nobody is told."""
    for rule in _cut_rules(node):
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            if not succeeds("iptables", "-w", "-C", f"{CHAIN}-{chain}", *rule):
                run("iptables", "-w", "-I", f"{CHAIN}-{chain}", "1", *rule)


def reconnect(node: Node) -> None:
    """The end of `cut_off`."""
    for rule in _cut_rules(node):
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            while succeeds("iptables", "-w", "-D", f"{CHAIN}-{chain}", *rule):
                pass


def down() -> None:
    """Take away all that `up`, and kube-proxy, have added."""
    for parent in ("FORWARD", "INPUT", "OUTPUT"):
        _unhook("filter", parent)
    if succeeds("iptables", "-w", "-F", POLICY_CHAIN):
        run("iptables", "-w", "-X", POLICY_CHAIN)
    _unhook("nat", "POSTROUTING")
    for table in ("filter", "nat", "mangle"):
        _remove_proxy_chains(table)
    _remove_pod_links()
    present = run("ip", "-o", "address", "show", "dev", "lo")
    for address in _addresses():
        if f" {address}/32" in present:
            run("ip", "address", "del", f"{address}/32", "dev", "lo")
    remembered = state() / "ip_forward.before"
    if remembered.exists():
        FORWARDING.write_text(remembered.read_text())
        remembered.unlink()


def _addresses() -> list[str]:
    return [CONTROL_PLANE_ADDRESS, *(node.address for node in NODES)]


def _cut_rules(node: Node) -> list[list[str]]:
    inside = node.pod_network
    return [
        ["-s", inside, "!", "-d", inside, "-j", "DROP"],
        ["!", "-s", inside, "-d", inside, "-j", "DROP"],
    ]


def _hook(table: str, parent: str) -> None:
    """Our own chain, asked before all others of `parent`."""
    chain = f"{CHAIN}-{parent}"
    if not succeeds("iptables", "-w", "-t", table, "-n", "-L", chain):
        run("iptables", "-w", "-t", table, "-N", chain)
    if not succeeds("iptables", "-w", "-t", table, "-C", parent, "-j", chain):
        run("iptables", "-w", "-t", table, "-I", parent, "1", "-j", chain)


def _unhook(table: str, parent: str) -> None:
    chain = f"{CHAIN}-{parent}"
    while succeeds("iptables", "-w", "-t", table, "-D", parent, "-j", chain):
        pass
    if succeeds("iptables", "-w", "-t", table, "-F", chain):
        run("iptables", "-w", "-t", table, "-X", chain)


def _ensure(table: str, chain: str, rule: list[str]) -> None:
    if not succeeds("iptables", "-w", "-t", table, "-C", chain, *rule):
        run("iptables", "-w", "-t", table, "-A", chain, *rule)


def _remove_pod_links() -> None:
    """Links to pods whose network outlived them: a route to an address that is given out again would
    lead there, and the new pod would never be Ready.
    """
    inside = ip_network(POD_NETWORK)
    for line in run("ip", "-o", "-4", "route", "show").splitlines():
        words = line.split()
        try:
            ours = ip_address(words[0]) in inside
        except ValueError:
            continue  # a network, or `default`
        if ours and "dev" in words:
            # May be gone by itself meanwhile, with the last process in it.
            succeeds("ip", "link", "delete", words[words.index("dev") + 1])


def _remove_proxy_chains(table: str) -> None:
    """kube-proxy's own `--cleanup` leaves its canaries; this leaves nothing."""
    try:
        lines = run("iptables", "-w", "-t", table, "-S").splitlines()
    except CommandFailed:
        return  # the kernel has no such table, so nobody has written to it
    chains = [
        line.split()[1]
        for line in lines
        if line.startswith("-N ") and line.split()[1].startswith(PROXY_CHAINS)
    ]
    if not chains:
        return
    for line in lines:
        words = line.split()
        jumps_in = any(chain in words[2:] for chain in chains)
        if words[0] == "-A" and words[1] not in chains and jumps_in:
            rule = line.replace("-A ", "-D ", 1)
            # The listing quotes comments as a shell does, so a shell reads it.
            run("sh", "-c", f"iptables -w -t {table} {rule}")
    for chain in chains:
        run("iptables", "-w", "-t", table, "-F", chain)
    for chain in chains:
        run("iptables", "-w", "-t", table, "-X", chain)


def _write_cni(node: Node) -> None:
    content = {
        "cniVersion": "0.4.0",
        "name": f"raftkeeper-e2e-{node.name}",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": node.pod_network}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(node.folder / "addresses"),
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    folder = node.folder / "cni"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-pods.conflist").write_text(json.dumps(content, indent=1))
