"""Others' software uses the service while it is scaled and upgraded under it."""

from e2e.api import Api
from e2e.ensemble import Ensemble, image_of, is_ready
from e2e.images import NEXT_NODE_IMAGE
from e2e.peers import clickhouse, hbase
from e2e.provider import Provider

ROLLOUT_TIMEOUT_S = 300


def test_clickhouse_inserts_while_the_ensemble_is_scaled_and_upgraded(
    ensemble: Ensemble, provider: Provider, api: Api, next_image: str
) -> None:
    """Every accepted batch is in both replicas, once."""
    provider.load_image(clickhouse.image())
    ensemble.apply()
    ensemble.wait_settled(3)
    server = clickhouse.ClickHouse(api, ensemble.namespace)
    server.start(ensemble.host)
    with clickhouse.Inserter(server, api) as inserter:
        inserter.goes_on()
        for replicas in (5, 3):
            ensemble.scale(replicas)
            ensemble.wait_settled(replicas)
            inserter.goes_on()
        ensemble.change(image={"tag": NEXT_NODE_IMAGE.rpartition(":")[2]})

        def all_upgraded() -> bool:
            return [image_of(pod) for pod in ensemble.pods() if is_ready(pod)] == [next_image] * 3

        ensemble.wait("every pod has the new image", all_upgraded, ROLLOUT_TIMEOUT_S)
        ensemble.wait_settled(3)
        inserter.goes_on()
    server.check(inserter.batches)
    print(f"{inserter.batches} batches")


def test_hbase_goes_on_over_a_scale_and_a_killed_master(
    ensemble: Ensemble, provider: Provider, api: Api
) -> None:
    """Tables are made, rows are put and read back, before and after."""
    provider.load_image(hbase.image())
    ensemble.apply(keeper={"maxSessionTimeout": "2m"})
    ensemble.wait_settled(3)
    server = hbase.HBase(provider, api, ensemble.namespace)
    server.start(ensemble.host)
    server.create("first")
    server.put("first", 0, 100)
    server.get("first", 0, 100)
    ensemble.scale(5)
    ensemble.wait_settled(5)
    server.put("first", 100, 200)
    server.kill_master()
    server.get("first", 0, 200)
    server.create("second")
    server.put("second", 0, 100)
    server.get("second", 0, 100)
    ensemble.scale(3)
    ensemble.wait_settled(3)
    server.put("first", 200, 300)
    server.get("first", 0, 300)
