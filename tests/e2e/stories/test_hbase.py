"""HBase finds its master, its region server and its tables through the service."""

from e2e.api import Api
from e2e.ensemble import Ensemble
from e2e.peers.hbase import HBase, image
from e2e.provider import Provider


def test_hbase_goes_on_over_a_scale_and_a_killed_master(
    ensemble: Ensemble, provider: Provider, api: Api
) -> None:
    """Tables are made, rows are put and read back, before and after."""
    provider.load_image(image())
    ensemble.apply(keeper={"maxSessionTimeout": "2m"})
    ensemble.wait_settled(3)
    server = HBase(provider, api, ensemble.namespace)
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
