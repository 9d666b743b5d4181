"""What is shipped beside the image: charts, install.yaml, examples, alerts, dashboard."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from tests.build.clusters import SURROUNDINGS, cluster
from tests.fake_api.rights import granted

import raftkeeper_operator
from raftkeeper_operator.api.conditions import Reason, runbook_page
from raftkeeper_operator.api.crd import RESOURCES, build_crd
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.build.monitoring import build_prometheus_rule
from raftkeeper_operator.clients import resources

ROOT = Path(__file__).parents[3]
CHARTS = ROOT / "charts"
OPERATOR_CHART = CHARTS / "raftkeeper-operator"
HELM = shutil.which("helm", path=f"{os.environ['PATH']}:{Path.home()}/.cache/raftkeeper/e2e/bin")
needs_helm = pytest.mark.skipif(HELM is None, reason="Helm is not there; make e2e builds it")


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def render(chart: str, *settings: str) -> list[dict[str, Any]]:
    command = [str(HELM), "template", "rk", str(CHARTS / chart), "--namespace", "sys"]
    for setting in settings:
        command += ["--set", setting]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return documents(made.stdout)


def tool(name: str) -> ModuleType:
    """A script of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unknown_fields(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Fields that the API server would drop, and values that it would refuse for their type."""
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        for name, child in value.items():
            if name in fields:
                yield from unknown_fields(fields[name], child, f"{path}.{name}")
            elif "additionalProperties" in schema:
                yield from unknown_fields(schema["additionalProperties"], child, f"{path}.{name}")
            elif not schema.get("x-kubernetes-preserve-unknown-fields") and path != ".metadata":
                yield f"{path}.{name}"
    elif isinstance(value, list):
        for child in value:
            yield from unknown_fields(schema.get("items", {}), child, f"{path}[]")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value}"


def schema_of_kind(kind: str) -> dict[str, Any] | None:
    for resource in RESOURCES:
        if resource.kind == kind:
            version = build_crd(resource)["spec"]["versions"][0]
            schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
            return schema
    return None


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_examples_are_of_the_api(path: Path) -> None:
    """Every object of ours in an example has known fields and values, and its model reads it."""
    found = 0
    for document in documents(path.read_text(encoding="utf-8")):
        schema = schema_of_kind(document["kind"])
        if schema is None:
            continue
        found += 1
        assert list(unknown_fields(schema, document)) == []
        model = next(each.model for each in RESOURCES if each.kind == document["kind"])
        model.model_validate(document)
    assert found


def test_versions_of_charts_are_the_operators() -> None:
    """Chart, image and operator are released together."""
    for name in ("raftkeeper-crds", "raftkeeper-operator", "raftkeeper"):
        chart = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text(encoding="utf-8"))
        assert chart["version"] == chart["appVersion"] == raftkeeper_operator.__version__


def test_roles_name_what_the_operator_deals_with() -> None:
    """Every kind the operator knows is in its roles, and no role names another."""
    roles = granted("operator.rules") | granted("operator.clusterRules")
    # Leases have a role of their own, in the operator's namespace.
    known = {f"{each.group}/{each.plural}" for each in resources.ALL} - {
        "coordination.k8s.io/leases"
    }
    plain = {name for name in roles if name.count("/") == 1}
    assert plain == known


def test_roles_give_no_more_than_is_needed() -> None:
    """No wildcard, no right over roles, no deletion of whole collections; nothing outside is written."""
    for name in ("operator.rules", "operator.clusterRules"):
        for resource, verbs in granted(name).items():
            assert "*" not in resource
            assert not verbs & {"*", "deletecollection", "bind", "escalate", "impersonate"}
            assert "rbac.authorization" not in resource
    for verbs in granted("operator.clusterRules").values():
        assert verbs <= {"get", "list", "watch"}


def test_dashboard_is_what_its_table_makes() -> None:
    """The committed dashboard is that of tools/make_dashboard.py."""
    made = tool("make_dashboard").written()
    committed = OPERATOR_CHART / "files" / "dashboard.json"
    assert committed.read_text(encoding="utf-8") == made, "run make dashboard"


def alerts() -> list[dict[str, Any]]:
    text = (OPERATOR_CHART / "files" / "alerts.yaml").read_text(encoding="utf-8")
    of_operator: list[dict[str, Any]] = yaml.safe_load(text)
    (group,) = build_prometheus_rule(cluster())["spec"]["groups"]
    return of_operator + list(group["rules"])


def test_every_figure_that_is_asked_for_exists() -> None:
    """Alerts and dashboard name only metrics that node, operator, kubelet or Prometheus make."""
    rows = tool("make_dashboard").ROWS.values()
    expressions = [query for row in rows for panel in row for query, _ in panel.queries]
    expressions += [alert["expr"] for alert in alerts()]
    words = set()
    for expression in expressions:
        bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|(?:by|on) \([^)]*\)", " ", expression)
        words |= set(re.findall(r"[a-z][a-z0-9_]{2,}", bare))
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in [
            *(ROOT / "node/python/raftkeeper/admin").glob("*.py"),
            ROOT / "node/engine/src/front/views.rs",
        ]
    )
    known = set(re.findall(r'"([a-z][a-z0-9_]{2,})"', sources))
    known |= {family.name for family in Metrics("0").registry.collect()}
    known |= {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
    known |= {"max", "sum", "rate", "changes", "absent", "unless", "histogram_quantile"}
    missing = {
        word
        for word in words
        if word not in known and re.sub(r"_(bucket|total)$", "", word) not in known
    }
    assert missing == set()


def test_a_cluster_that_hibernates_raises_no_alert() -> None:
    """That nobody serves is meant then, so the alerts about it look whether it is."""
    by_name = {alert["alert"]: " ".join(alert["expr"].split()) for alert in alerts()}
    sleeping = "raftkeeper_operator_cluster_hibernated"
    assert by_name["RaftKeeperClusterNotReady"].endswith(
        f"unless on (namespace, cluster) {sleeping} == 1"
    )
    assert by_name["RaftKeeperNoLeader"].endswith(
        f'unless on () max({sleeping}{{namespace="default",cluster="zoo"}}) == 1'
    )


def test_alerts_lead_to_pages_that_exist() -> None:
    """Each alert says what to do, on a page that is there."""
    for alert in alerts():
        assert (ROOT / alert["annotations"]["runbook"]).is_file(), alert["alert"]


def test_the_runbook_has_each_alert_with_its_page() -> None:
    """Whoever is woken by a name finds it there."""
    text = (ROOT / "docs/runbook/README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (RaftKeeper\w+) \| \[[^]]*\]\(([^)]*)\) \|$", text, re.MULTILINE))
    pages = {name: (ROOT / "docs/runbook" / page).resolve() for name, page in rows.items()}
    assert pages == {
        alert["alert"]: (ROOT / alert["annotations"]["runbook"]).resolve() for alert in alerts()
    }


def test_images_are_built_under_the_names_that_are_installed() -> None:
    """`make images` and then install.yaml: the pods find what was built, and the page says how."""
    made = subprocess.run(
        ["make", "--dry-run", "images"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in {"REGISTRY", "BASE"}},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    built = set(re.findall(r"--tag (\S+)", made.stdout))
    objects = documents((ROOT / "install.yaml").read_text(encoding="utf-8"))
    (deployment,) = (item for item in objects if item["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    node = f"{variables['RAFTKEEPER_OPERATOR_NODE_IMAGE']}:{raftkeeper_operator.__version__}"
    assert built == {container["image"], node}
    page = (ROOT / "docs/operator/install.md").read_text(encoding="utf-8")
    assert all(f" {name}" in page for name in built)


@needs_helm
def test_alerts_link_to_where_the_pages_can_be_read() -> None:
    """A chart's value says where: then the annotation is the one that others look for, and a URL."""
    base = "https://docs.example.test/0.1.0"
    made = render("raftkeeper-operator", "metrics.prometheusRule=true", f"runbookBase={base}/")
    (of_operator,) = (item for item in made if item["kind"] == "PrometheusRule")
    (deployment,) = (item for item in made if item["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    given = variables["RAFTKEEPER_OPERATOR_RUNBOOK_BASE"]
    blueprint = cluster()
    blueprint = replace(blueprint, surroundings=replace(SURROUNDINGS, runbook_base=given))
    of_cluster = build_prometheus_rule(blueprint)
    for rule in (of_operator, of_cluster):
        for alert in rule["spec"]["groups"][0]["rules"]:
            url = alert["annotations"]["runbook_url"]
            assert url.startswith(f"{base}/docs/"), url
            assert (ROOT / url.removeprefix(f"{base}/")).is_file()
            assert "runbook" not in alert["annotations"]


def test_alerts_of_a_clusters_volumes_are_of_no_other_cluster() -> None:
    """A cluster `zoo-x` has volumes that begin as those of `zoo` do."""
    for spec, ours, others in (
        ({}, ["data-zoo-0", "log-zoo-12"], ["data-zoo-x-0", "data-zoo-a-0", "backups-zoo-0"]),
        ({"placement": {"zones": ["a", "b"]}}, ["data-zoo-a-0", "log-zoo-b-1"], ["data-zoo-x-0"]),
    ):
        (group,) = build_prometheus_rule(cluster(spec))["spec"]["groups"]
        (alert,) = (
            each for each in group["rules"] if each["alert"] == "RaftKeeperVolumeNearlyFull"
        )
        patterns = re.findall(r'persistentvolumeclaim=~"([^"]*)"', alert["expr"])
        assert len(patterns) == 2
        for pattern in patterns:
            assert all(re.fullmatch(pattern, name) for name in ours)
            assert not any(re.fullmatch(pattern, name) for name in others)


def test_every_reason_has_its_page() -> None:
    """Each reason of a condition has a runbook page of its name, and no page is left over."""
    pages = {path.name for path in (ROOT / "docs/runbook").glob("*.md")} - {"README.md"}
    assert pages == {runbook_page(reason) for reason in Reason}


@needs_helm
@pytest.mark.parametrize("chart", ["raftkeeper-crds", "raftkeeper-operator", "raftkeeper"])
def test_charts_lint(chart: str) -> None:
    """`helm lint` finds nothing."""
    lint = subprocess.run(
        [str(HELM), "lint", "--strict", str(CHARTS / chart)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert lint.returncode == 0, lint.stdout


@needs_helm
def test_operator_chart_renders_restricted_pods() -> None:
    """The operator's own pod keeps the restricted standard, in two replicas."""
    made = {
        (item["kind"], item["metadata"]["name"]): item for item in render("raftkeeper-operator")
    }
    deployment = made["Deployment", "rk"]["spec"]
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 2
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert ("PodDisruptionBudget", "rk") in made


@needs_helm
def test_failpoints_of_clusters_are_obeyed_only_by_a_chart_value() -> None:
    """By default no annotation of a cluster can end the operator; the stories ask for it by name."""
    variable = "RAFTKEEPER_OPERATOR_CLUSTER_FAILPOINTS"

    def environment(*settings: str) -> dict[str, Any]:
        made = render("raftkeeper-operator", *settings)
        (deployment,) = (item for item in made if item["kind"] == "Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return {each["name"]: each.get("value") for each in container["env"]}

    assert variable not in environment()
    assert environment("testing.clusterFailpoints=true")[variable] == "true"


@needs_helm
def test_operator_chart_can_be_kept_to_namespaces() -> None:
    """With namespaces given, no right over other namespaces' objects is left."""
    made = render("raftkeeper-operator", "namespaces={a,b}", "aggregateRoles=false")
    cluster_roles = [item for item in made if item["kind"] == "ClusterRole"]
    verbs = {verb for role in cluster_roles for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list"}
    roles = {item["metadata"]["namespace"] for item in made if item["kind"] == "Role"}
    assert roles == {"a", "b", "sys"}


@needs_helm
def test_operator_chart_renders_monitoring() -> None:
    """With all of it on, alerts and dashboard are whole."""
    on = [f"metrics.{name}=true" for name in ("serviceMonitor", "prometheusRule", "dashboard")]
    made = {item["kind"]: item for item in render("raftkeeper-operator", *on)}
    assert len(made["PrometheusRule"]["spec"]["groups"][0]["rules"]) == 5
    dashboard = yaml.safe_load(made["ConfigMap"]["data"]["raftkeeper.json"])
    assert dashboard["title"] == "RaftKeeper"


@needs_helm
def test_cluster_chart_renders_what_the_api_knows() -> None:
    """The chart of a cluster makes objects of the API, with a schedule if asked for."""
    made = render(
        "raftkeeper",
        "spec.replicas=5",
        "backup.enabled=true",
        "backup.spec.destination.volume.claimName=backups",
    )
    assert {item["kind"] for item in made} == {"RaftKeeperCluster", "RaftKeeperBackupSchedule"}
    for item in made:
        schema = schema_of_kind(item["kind"])
        assert schema is not None
        assert list(unknown_fields(schema, item)) == []


@needs_helm
def test_install_yaml_is_what_the_charts_make() -> None:
    """The committed install.yaml is that of tools/make_install.py."""
    made = tool("make_install").render(str(HELM))
    assert (ROOT / "install.yaml").read_text(encoding="utf-8") == made, "run make install-yaml"
