"""What happens to a cluster from outside while the operator works on it."""

import threading

from e2e.api import Api, Object
from e2e.ensemble import Ensemble, Vigil, image_of, is_ready, name_of
from e2e.images import NEXT_NODE_IMAGE, NODE_IMAGE
from e2e.load import Load
from e2e.provider import Provider
from e2e.shell import run

DRAIN_TIMEOUT_S = 240
ROLLOUT_TIMEOUT_S = 420
FOREIGN_PODS = 3_000
CREATORS = 8


def test_node_drained_during_an_upgrade(
    ensemble: Ensemble, load: Load, provider: Provider, next_image: str
) -> None:
    """A drain and an upgrade at once never take more than one member together."""
    # A name of its own: the drain selects pods by it, in all namespaces.
    ensemble = Ensemble(ensemble.api, ensemble.namespace, "drained", ensemble.image)
    ensemble.apply()
    ensemble.wait_settled(3)
    leader = ensemble.leader()
    node = next(pod for pod in ensemble.pods() if name_of(pod) == leader)["spec"]["nodeName"]
    zone = next(member.zone for member in ensemble.members() if member.pod == leader)
    load.start(ensemble.host, NODE_IMAGE, avoid_zone=zone)
    kubectl = [*provider.kubectl, f"--kubeconfig={provider.kubeconfig}"]
    with Vigil(ensemble) as vigil:
        ensemble.change(image={"tag": NEXT_NODE_IMAGE.rpartition(":")[2]})
        try:
            run(
                *[*kubectl, "drain", node, f"--pod-selector=raftkeeper.io/cluster={ensemble.name}"],
                *["--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={DRAIN_TIMEOUT_S}s"],
                timeout_s=DRAIN_TIMEOUT_S + 30,
            )
        finally:
            run(*kubectl, "uncordon", node)

        def all_upgraded() -> bool:
            return [image_of(pod) for pod in ensemble.pods() if is_ready(pod)] == [next_image] * 3

        ensemble.wait("every pod has the new image", all_upgraded, ROLLOUT_TIMEOUT_S)
        ensemble.wait_settled(3)
    assert len(vigil.most_away) == 1, f"away at once: {vigil.most_away}"
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def test_three_thousand_foreign_pods_beside_it(ensemble: Ensemble, load: Load, api: Api) -> None:
    """A namespace full of others' pods slows nothing and touches nothing."""
    failures: list[BaseException] = []

    def create(first: int) -> None:
        try:
            for number in range(first, FOREIGN_PODS, CREATORS):
                api.create("pods", ensemble.namespace, foreign_pod(number))
        except BaseException as error:
            failures.append(error)
        finally:
            api.close()

    threads = [threading.Thread(target=create, args=(first,)) for first in range(CREATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    ensemble.scale(5)
    ensemble.wait_settled(5)
    left = api.list("pods", ensemble.namespace, "app=foreign")
    assert len(left) == FOREIGN_PODS, "somebody has touched others' pods"
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def foreign_pod(number: int) -> Object:
    """A pod that is there and runs nowhere: it waits behind a gate."""
    return {
        "metadata": {"name": f"foreign-{number}", "labels": {"app": "foreign"}},
        "spec": {
            "schedulingGates": [{"name": "example.com/never"}],
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "nothing",
                    "image": NODE_IMAGE,
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
