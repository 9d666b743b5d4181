"""`python -m e2e operator-cost`: memory and CPU of the operator with one cluster and with fifty.

One cluster has three members; the others are hibernated, so they have no pods and cost nobody but the
operator and the API server. It asks the operator's own process in its pod, and writes
docs/operator/cost.md. It needs a cluster that nobody else uses.
"""

import datetime as dt
import json
import os
import platform
import time
from dataclasses import dataclass

from e2e.access import api_of
from e2e.api import Api
from e2e.deadline import wait_for
from e2e.ensemble import KIND, Ensemble
from e2e.home import REPOSITORY, say
from e2e.images import NODE_IMAGE
from e2e.operator_release import NAMESPACE as OPERATOR_NAMESPACE
from e2e.operator_release import RELEASE, Operator
from e2e.provider import Provider
from e2e.shell import run
from e2e.shows.ground import fresh_namespace

NAMESPACE = "operator-cost"
PAGE = REPOSITORY / "docs" / "operator" / "cost.md"
CLUSTERS = 50
# Long enough for several rounds of the looks that come without news (one each half minute, or each minute).
MEASURED_S = 120
# What the changes before have set off is over by then.
CALM_S = 30
HIBERNATED_TIMEOUT_S = 600

# Runs in the operator's pod: the process is found by its command line, since the first one is an init.
ASK = """
import json, os
for pid in filter(str.isdecimal, os.listdir("/proc")):
    words = open(f"/proc/{pid}/cmdline").read().split(chr(0))
    if "raftkeeper_operator" in words and not words[0].endswith("tini"):
        status = dict(l.split(":", 1) for l in open(f"/proc/{pid}/status") if ":" in l)
        stat = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        kib = lambda name: int(status[name].split()[0])
        ticks = os.sysconf("SC_CLK_TCK")
        print(json.dumps({"rss": kib("VmRSS"), "peak": kib("VmHWM"), "threads": int(status["Threads"]),
                          "cpu": (int(stat[11]) + int(stat[12])) / ticks}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the replica that works, over a while in which nothing changes."""

    clusters: int
    rss_mib: float
    peak_mib: float
    threads: int
    cpu_percent: float
    requests_a_minute: float
    """To the API server."""


def measure(provider: Provider) -> None:
    """Both, and the page."""
    with api_of(provider.kubectl, provider.kubeconfig) as api, fresh_namespace(api, NAMESPACE):
        operator = Operator(provider, api)
        others = api.list(KIND)
        assert not others, f"the operator looks after others: {len(others)} clusters"
        operator.restart()
        meter = _Meter(provider, api)
        Ensemble(api, NAMESPACE, "zoo", NODE_IMAGE).apply()
        Ensemble(api, NAMESPACE, "zoo", NODE_IMAGE).wait_settled(3)
        one = meter.read(1)
        for number in range(1, CLUSTERS):
            Ensemble(api, NAMESPACE, f"asleep-{number}", NODE_IMAGE).apply(hibernate=True)
        wait_for(
            "all others are hibernated", lambda: _all_asleep(api), timeout_s=HIBERNATED_TIMEOUT_S
        )
        many = meter.read(CLUSTERS)
        PAGE.write_text(_page([one, many]))
        say(f"{PAGE}: {[one, many]}")


def _all_asleep(api: Api) -> bool:
    phases = [item.get("status", {}).get("phase") for item in api.list(KIND, NAMESPACE)]
    asleep = phases.count("Hibernated")
    assert asleep == CLUSTERS - 1, f"{asleep} of {CLUSTERS - 1} are hibernated"
    return True


class _Meter:
    """Asks the working replica."""

    def __init__(self, provider: Provider, api: Api) -> None:
        self._kubectl = [*provider.kubectl, f"--kubeconfig={provider.kubeconfig}"]
        self._api = api

    def read(self, clusters: int) -> Cost:
        """Over MEASURED_S, after CALM_S."""
        say(f"measuring with {clusters} clusters")
        _pass(CALM_S)
        holder = self._holder()
        before, asked, started = self._ask(holder), self._requests(holder), time.monotonic()
        _pass(MEASURED_S)
        after, asked_after = self._ask(holder), self._requests(holder)
        seconds = time.monotonic() - started
        assert self._holder() == holder, "the Lease has moved meanwhile"
        return Cost(
            clusters,
            after["rss"] / 1024,
            after["peak"] / 1024,
            int(after["threads"]),
            100 * (after["cpu"] - before["cpu"]) / seconds,
            60 * (asked_after - asked) / seconds,
        )

    def _holder(self) -> str:
        lease = self._api.get("leases", OPERATOR_NAMESPACE, RELEASE)
        return str(lease["spec"]["holderIdentity"])

    def _ask(self, pod: str) -> dict[str, float]:
        words = ["--namespace", OPERATOR_NAMESPACE, "exec", pod, "--", "python", "-c", ASK]
        found: dict[str, float] = json.loads(run(*self._kubectl, *words))
        return found

    def _requests(self, pod: str) -> float:
        path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods/{pod}:8080/proxy/metrics"
        name = "raftkeeper_operator_api_requests_total"
        lines = [line for line in self._api.text(path).splitlines() if line.startswith(name)]
        assert lines, f"the operator's metrics have no {name}"
        return sum(float(line.rpartition(" ")[2]) for line in lines)


def _pass(seconds: float) -> None:
    """The time is what is measured, so it is waited for."""
    until = time.monotonic() + seconds
    wait_for("the time is over", lambda: time.monotonic() >= until, timeout_s=2 * seconds)


def _page(costs: list[Cost]) -> str:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    rows = "\n".join(
        f"| {cost.clusters} | {cost.rss_mib:.0f} MiB | {cost.peak_mib:.0f} MiB | {cost.threads} "
        f"| {cost.cpu_percent:.2f} % | {cost.requests_a_minute:.0f} |"
        for cost in costs
    )
    return f"""# What the operator costs

Measured on {today} by `python -m e2e operator-cost` (from the folder `tests`), on a machine with
{os.cpu_count()} processors, Linux {platform.release().split("-")[0]}: the replica that holds the Lease, in its
pod, over {MEASURED_S} s
in which nobody changes anything, after {CALM_S} s of calm. One cluster has three members, all others are
hibernated. The operator was started anew before the first cluster was applied.

| clusters | resident | highest so far | threads | CPU of one processor | requests to the API server a minute |
|---|---|---|---|---|---|
{rows}

Requests are counted without those for the Lease, one a second, and the streams that are open all the time. Nearly all
of the memory is Python and its libraries; the second replica holds the same, and only asks for the Lease. A cluster is
looked at every half minute if nothing is heard of it (a hibernated one every minute), every two seconds while something
is waited for, and at once if something changes; a look reads everything anew, which is some twelve small requests.
Other people's Pods cost nothing: the streams select by label at the server.

Without a Kubernetes, against an API server in memory, `python -m tests.flow.measure` in the folder `operator` measures
the same process.
"""
