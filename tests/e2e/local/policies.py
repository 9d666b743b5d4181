"""Enforces NetworkPolicies of the local cluster: who may open a connection to which pod.

Runs as a daemon beside the control plane (`python -m e2e.local.policies`). All packets between pods pass
one chain of this machine's firewall; this fills a chain that is asked before. It knows what our policies
say (ingress, labels, blocks of addresses, ports by number) and refuses to guess at the rest: such a rule
lets nobody in, and is named in the log. What the machine itself sends to pods (probes, the API server's
proxy) is not asked.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from e2e.api import Api, ApiError, Object
from e2e.local.changes import RETRY_S, Changes
from e2e.local.network import POLICY_CHAIN
from e2e.local.provisioner import api as local_api
from e2e.shell import CommandFailed, run

KINDS = ("networkpolicies", "pods", "namespaces")
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Pod:
    """What a policy can know of a pod."""

    namespace: str
    labels: dict[str, str]
    address: str


class Unknown(Exception):
    """A policy says something that is not known here."""


class Policies:
    """Keeps the chain as the policies want it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._written: list[str] | None = None

    def run(self) -> None:
        """For ever; ended by a signal."""
        changes = Changes(self._api, KINDS)
        changes.start()
        while True:
            changes.clear()
            try:
                self.step()
            except (ApiError, OSError, CommandFailed) as error:
                _say("trouble", error=str(error))
                time.sleep(RETRY_S)
                continue
            changes.wait()

    def step(self) -> None:
        """Everything that is to do now."""
        policies = self._api.list("networkpolicies")
        pods = list(map(pod_of, self._api.list("pods"))) if policies else []
        namespaces = {
            item["metadata"]["name"]: item["metadata"].get("labels", {})
            for item in (self._api.list("namespaces") if policies else [])
        }
        rules = rules_of(policies, [pod for pod in pods if pod.address], namespaces)
        if rules == self._written:
            return
        # One commit: no packet meets a half of it.
        lines = ["*filter", f":{POLICY_CHAIN} - [0:0]"]
        lines += [f"-A {POLICY_CHAIN} {rule}" for rule in rules]
        run("iptables-restore", "-w", "--noflush", given="\n".join([*lines, "COMMIT", ""]))
        self._written = rules
        _say("written", rules=len(rules), policies=len(policies))


def rules_of(
    policies: list[Object], pods: list[Pod], namespaces: dict[str, dict[str, str]]
) -> list[str]:
    """The chain: what belongs to an open connection; each way that is allowed; an end for the rest."""
    allowed: list[str] = []
    closed: list[str] = []
    for policy in policies:
        name, namespace = policy["metadata"]["name"], policy["metadata"]["namespace"]
        spec = policy["spec"]
        if "Ingress" not in spec.get("policyTypes", ["Ingress"]):
            continue
        for target in (pod for pod in pods if pod.namespace == namespace):
            if not matches(spec["podSelector"], target.labels):
                continue
            closed.append(f"-d {target.address} -j DROP")
            for rule in spec.get("ingress", []):
                try:
                    sources = list(_sources(rule, namespace, pods, namespaces))
                    ports = [_port(port) for port in rule.get("ports", [])] or [""]
                except Unknown as error:
                    _say("unknown", policy=f"{namespace}/{name}", what=str(error))
                    continue
                allowed += [
                    f"-s {source} -d {target.address} {port}-j RETURN"
                    for source in sources
                    for port in ports
                ]
    if not closed:
        return []
    return ["-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN", *allowed, *sorted(set(closed))]


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Unknown for what is not matchLabels."""
    if set(selector) - {"matchLabels"}:
        raise Unknown(f"selector {selector}")
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def pod_of(item: Object) -> Pod:
    """Without an address when it has none of its own."""
    status = item.get("status", {})
    over = item["spec"].get("hostNetwork") or status.get("phase") in {"Succeeded", "Failed"}
    meta = item["metadata"]
    address = "" if over else status.get("podIP", "")
    return Pod(meta["namespace"], meta.get("labels", {}), address)


def _sources(
    rule: Object, namespace: str, pods: list[Pod], namespaces: dict[str, dict[str, str]]
) -> Iterator[str]:
    for peer in rule.get("from", []):
        if "ipBlock" in peer:
            if "except" in peer["ipBlock"]:
                raise Unknown("ipBlock.except")
            yield peer["ipBlock"]["cidr"]
            continue
        for pod in pods:
            near = pod.namespace == namespace
            if "namespaceSelector" in peer:
                near = matches(peer["namespaceSelector"], namespaces.get(pod.namespace, {}))
            if near and matches(peer.get("podSelector", {}), pod.labels):
                yield f"{pod.address}/32"
    if not rule.get("from"):
        yield ANYWHERE


def _port(port: Object) -> str:
    if not isinstance(port.get("port"), int) or "endPort" in port:
        raise Unknown(f"port {port}")
    return f"-p {port.get('protocol', 'TCP').lower()} --dport {port['port']} "


def _say(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


if __name__ == "__main__":
    Policies(local_api()).run()
