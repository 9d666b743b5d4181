"""Whether the spec is followed as it stands: fields that do nothing, Secrets that are of no
use, names that are taken. Beside `conditions`, because a snapshot for decisions knows nothing of these. Pure.
"""

from collections.abc import Iterator, Sequence

from raftkeeper_operator.act.executor import Report
from raftkeeper_operator.api.conditions import ConditionType, Reason
from raftkeeper_operator.api.placement import DEFAULT_TOPOLOGY_KEY
from raftkeeper_operator.build.ignored import ignored_fields
from raftkeeper_operator.build.ordinary import wanted_objects
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.report.conditions import Verdict

C, R = ConditionType, Reason


def judge_acceptance(
    verdicts: Sequence[Verdict], seen: Observation, report: Report | None
) -> list[Verdict]:
    """The verdicts with SpecAccepted; and with CertificatesValid for a Secret that is of no use."""
    found = [verdict for verdict in verdicts if verdict[0] != C.SPEC_ACCEPTED]
    found.append(_accepted(seen, report))
    secrets = seen.named_secrets
    if sentences := secrets.expired or secrets.missing:
        reason = R.CERTIFICATE_EXPIRED if secrets.expired else R.CERTIFICATE_MISSING
        found = [verdict for verdict in found if verdict[0] != C.CERTIFICATES_VALID]
        found.append((C.CERTIFICATES_VALID.value, "False", reason.value, "; ".join(sentences)))
    return found


def _accepted(seen: Observation, report: Report | None) -> Verdict:
    kind = C.SPEC_ACCEPTED.value
    foreign = [one.message for one in seen.snapshot.refused if one.foreign]
    if report is not None and report.foreign:
        foreign = [report.message, *foreign]
    if foreign:
        return kind, "False", R.FOREIGN_OBJECT.value, "; ".join(dict.fromkeys(foreign))
    if ignored := list(_ignored(seen)):
        return kind, "False", R.FIELDS_IGNORED.value, "; ".join(ignored)
    return kind, "True", R.SPEC_FOLLOWED.value, "everything in the spec is in use"


def _ignored(seen: Observation) -> Iterator[str]:
    """A sentence for each field that does nothing."""
    if seen.template.ignored:
        fields = ", ".join(seen.template.ignored)
        yield f"podTemplate: these belong to the operator and are left out: {fields}"
    yield from ignored_fields(seen.blueprint)
    placement = seen.blueprint.spec.placement
    named = placement.zones or placement.topology_key != DEFAULT_TOPOLOGY_KEY
    if seen.without_zones and named:
        yield (
            f"placement.topologyKey: no node bears the label {placement.topology_key}, so no zone is "
            "known and members are not spread by it"
        )
    wanted = {body["kind"] for body in wanted_objects(seen.blueprint)}
    for kind, why in sorted(seen.objects.unreadable.items()):
        if kind in wanted:
            yield f"{kind}: cannot be read, so it is neither made nor changed: {why}"
