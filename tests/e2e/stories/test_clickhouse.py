"""ClickHouse replicates through the service while the service is scaled and upgraded under it."""

from e2e.api import Api
from e2e.ensemble import Ensemble, image_of, is_ready
from e2e.peers.clickhouse import ClickHouse, Inserter, image
from e2e.provider import Provider

ROLLOUT_TIMEOUT_S = 300


def test_clickhouse_inserts_while_the_ensemble_is_scaled_and_upgraded(
    ensemble: Ensemble, provider: Provider, api: Api, next_image: str
) -> None:
    """Every accepted batch is in both replicas, once."""
    provider.load_image(image())
    ensemble.apply()
    ensemble.wait_settled(3)
    server = ClickHouse(api, ensemble.namespace)
    server.start(ensemble.host)
    with Inserter(server, api) as inserter:
        inserter.goes_on()
        for replicas in (5, 3):
            ensemble.scale(replicas)
            ensemble.wait_settled(replicas)
            inserter.goes_on()
        ensemble.change(image={"tag": next_image.rpartition(":")[2]})

        def all_upgraded() -> bool:
            return [image_of(pod) for pod in ensemble.pods() if is_ready(pod)] == [next_image] * 3

        ensemble.wait("every pod has the new image", all_upgraded, ROLLOUT_TIMEOUT_S)
        ensemble.wait_settled(3)
        inserter.goes_on()
    server.check(inserter.batches)
    print(f"{inserter.batches} batches, the slowest took {inserter.longest_s:.1f} s")
