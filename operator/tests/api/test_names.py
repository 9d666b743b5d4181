"""Names and addresses: stable, short enough."""

from fnmatch import fnmatchcase

from raftkeeper_operator.api.names import Names, pool_label, pool_of_label

NAMES = Names("zoo", "prod", "example.internal")


def test_a_members_address_is_its_pods_name() -> None:
    """It is the pod's for ever, and the first label of the member's address."""
    pod = NAMES.pod("eu-1a", 2)
    assert pod == "zoo-eu-1a-2"
    address = NAMES.peer_address(pod)
    assert address == "zoo-eu-1a-2.zoo-members.prod.svc.example.internal:2888"


def test_the_only_pool_has_a_label_too() -> None:
    """A pool's label leads back to its zone."""
    assert pool_of_label(pool_label("b")) == "b"
    assert pool_of_label(pool_label(None)) is None


def test_certificates_cover_every_address() -> None:
    """Pods by their names, the members' Service by which pods are checked, and the clients'."""
    covered = NAMES.certificate_names()
    assert "*.zoo-members.prod.svc.example.internal" in covered
    assert NAMES.tls_server_name in covered
    assert NAMES.connection_string().rpartition(":")[0] in covered


def test_longest_names_fit() -> None:
    """With the CRD's bounds no pod's or Service's name is longer than 63 characters."""
    names = Names("a" * 40, "default")
    zone = "z" * 11
    assert len(names.pod(zone, 8)) <= 63
    # A controller's revision is a label: the set's name, a dash and ten characters.
    assert len(names.stateful_set(zone)) + 11 <= 63
    assert len(names.members_service) <= 63


def test_own_certificate_is_a_members() -> None:
    """The names it bears fit what members ask of each other; another cluster's do not."""
    names, other = Names("zoo", "ns"), Names("other", "ns")
    patterns = names.member_patterns()

    def fits(certificate: tuple[str, ...]) -> bool:
        return any(fnmatchcase(name, pattern) for name in certificate for pattern in patterns)

    assert fits(names.certificate_names())
    assert fits((names.pod_host("zoo-0"),))
    assert not fits(other.certificate_names())
    assert not fits((names.client_service, f"{names.client_service}.ns.svc"))
