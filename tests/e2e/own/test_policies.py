"""Which ways the local cluster opens for a NetworkPolicy, and that it guesses at nothing."""

from e2e.api import Object
from e2e.local.policies import Pod, rules_of

ZOO = {"app": "zoo"}
PODS = [
    Pod("here", ZOO, "10.0.0.1"),
    Pod("here", {"app": "client"}, "10.0.0.2"),
    Pod("there", {"app": "client"}, "10.0.0.3"),
]
NAMESPACES = {"here": {"name": "here"}, "there": {"name": "there"}}


def policy(*rules: Object) -> Object:
    """For the pods `zoo` of namespace `here`."""
    return {
        "metadata": {"name": "p", "namespace": "here"},
        "spec": {
            "podSelector": {"matchLabels": ZOO},
            "policyTypes": ["Ingress"],
            "ingress": list(rules),
        },
    }


def from_pods(**more: Object) -> Object:
    """A rule for the pods `client` at port 2181."""
    peer = {"podSelector": {"matchLabels": {"app": "client"}}, **more}
    return {"from": [peer], "ports": [{"protocol": "TCP", "port": 2181}]}


def allowed(*rules: Object) -> list[str]:
    """Who may reach the pod, once the policy has closed it."""
    found = rules_of([policy(*rules)], PODS, NAMESPACES)
    assert found[0].startswith("-m conntrack"), found
    assert found[-1] == "-d 10.0.0.1 -j DROP", found
    return found[1:-1]


def test_without_a_policy_nothing_is_closed() -> None:
    """Pods that no policy selects stay open."""
    assert rules_of([], PODS, NAMESPACES) == []


def test_pods_of_its_own_namespace_are_let_in_by_their_labels() -> None:
    """A selector without a namespace means the policy's own."""
    assert allowed(from_pods()) == ["-s 10.0.0.2/32 -d 10.0.0.1 -p tcp --dport 2181 -j RETURN"]


def test_pods_of_another_namespace_are_let_in_by_its_labels() -> None:
    """With a selector of namespaces only those count."""
    rule = from_pods(namespaceSelector={"matchLabels": {"name": "there"}})
    assert allowed(rule) == ["-s 10.0.0.3/32 -d 10.0.0.1 -p tcp --dport 2181 -j RETURN"]


def test_a_rule_without_sources_lets_everybody_in() -> None:
    """No `from` is no restriction."""
    rule: Object = {"ports": [{"port": 2181}]}
    assert allowed(rule) == ["-s 0.0.0.0/0 -d 10.0.0.1 -p tcp --dport 2181 -j RETURN"]


def test_what_is_not_known_lets_nobody_in() -> None:
    """A selector by expressions, a named port."""
    unknown = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}
    assert allowed({"from": [unknown], "ports": [{"port": 1}]}) == []
    assert allowed({"ports": [{"port": "client"}]}) == []
