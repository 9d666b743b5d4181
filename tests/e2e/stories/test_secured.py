"""An ensemble that is locked up as far as it can be: certificates for all, a policy, backups to a bucket."""

import base64
from pathlib import Path

from e2e.api import Api, Object
from e2e.authority import Authority, Issued
from e2e.backups import make_backup, wait_for_backup
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import TLS_PORT, Load
from e2e.load.outsider import outcomes
from e2e.peers.s3 import ObjectStore, image
from e2e.provider import Provider

MEMBERS_SECRET = "zoo-clients"
CLIENTS_SECRET = "load-tls"
SECURED: Object = {
    "tls": {
        "client": {"mode": "Required", "secretName": MEMBERS_SECRET, "clientAuth": "Need"},
    },
    "networkPolicy": {
        "enabled": True,
        "clients": [{"podSelector": {"matchLabels": {"app": "load"}}}],
        # Left out, everybody may collect metrics.
        "monitoring": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
    },
}
RESTORE_TIMEOUT_S = 300
PEER_PORT, HTTP_PORT, ADMIN_PORT = 2888, 8080, 8081


def test_backup_to_a_bucket_of_an_ensemble_that_is_locked_up(
    ensemble: Ensemble, load: Load, provider: Provider, api: Api, tmp_path: Path
) -> None:
    """With certificates Required and a policy, it is written to, backed up to S3 and restored from there."""
    provider.load_image(image())
    authority = Authority(tmp_path / "authority")
    authority.create("/CN=clients of zoo")
    hosts = [f"DNS:{name}.{ensemble.namespace}.svc" for name in (ensemble.name, "other")]
    members = authority.issue("members", "/CN=zoo", hosts)
    clients = authority.issue("clients", "/CN=load")
    for name, issued in ((MEMBERS_SECRET, members), (CLIENTS_SECRET, clients)):
        make_tls_secret(api, ensemble.namespace, name, authority, issued)
    ensemble.apply(**SECURED)
    ensemble.wait_settled(3)
    service = api.get("services", ensemble.namespace, ensemble.name)
    assert [port["port"] for port in service["spec"]["ports"]] == [TLS_PORT], service["spec"]
    load.start(ensemble.host, NODE_IMAGE, secret=CLIENTS_SECRET)
    check_who_gets_in(ensemble, provider)
    load.goes_on(writes=400)
    report = load.finish(ensemble.addresses(TLS_PORT))
    assert report.counts["expired"] == 0, report

    store = ObjectStore(api, ensemble.namespace)
    store.start()
    make_backup(ensemble, "once", store.place("zoo"))
    status = wait_for_backup(ensemble, "once")
    assert status["phase"] == "Succeeded", status
    assert status["znodes"] > report.acknowledged, status
    store.make_secret("wrong", {"AWS_ACCESS_KEY_ID": "keeper", "AWS_SECRET_ACCESS_KEY": "guessed"})
    make_backup(ensemble, "refused", store.place("zoo", "wrong"))
    status = wait_for_backup(ensemble, "refused")
    assert status["phase"] == "Failed", status
    assert "SignatureDoesNotMatch" in status["message"], status

    other = Ensemble(api, ensemble.namespace, "other", NODE_IMAGE)
    other.apply(bootstrap={"restore": {"backupName": "once"}}, **SECURED)
    other.wait_settled(3, timeout_s=RESTORE_TIMEOUT_S)
    print(load.finish(other.addresses(TLS_PORT)))


def check_who_gets_in(ensemble: Ensemble, provider: Provider) -> None:
    """Nobody without a certificate; and nobody but clients where policies are enforced."""
    tls, plain = ensemble.addresses(TLS_PORT)[0], ensemble.addresses()[0]
    targets = [f"tls:{tls}", f"plain:{plain}"]
    found = outcomes(ensemble.api, ensemble.namespace, "bare", {"app": "load"}, targets)
    assert found[f"tls:{tls}"] == "refused", f"without a certificate: {found}"
    assert found[f"plain:{plain}"] != "answered", f"the plain port: {found}"
    if provider.enforces_policies:
        ports = (TLS_PORT, PEER_PORT, HTTP_PORT, ADMIN_PORT)
        targets = [f"plain:{ensemble.addresses(port)[0]}" for port in ports]
        found = outcomes(ensemble.api, ensemble.namespace, "stranger", {}, targets)
        assert set(found.values()) == {"unreachable"}, f"a stranger: {found}"


def make_tls_secret(
    api: Api, namespace: str, name: str, authority: Authority, issued: Issued
) -> None:
    """As cert-manager writes them."""
    files = {
        "ca.crt": authority.certificate,
        "tls.crt": issued.certificate,
        "tls.key": issued.key,
    }
    data = {key: base64.b64encode(path.read_bytes()).decode() for key, path in files.items()}
    body = {"metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}
    api.create("secrets", namespace, body)
