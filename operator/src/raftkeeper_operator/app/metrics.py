"""The operator's own metrics. Plain counters; what they count is decided where it happens."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

STEP_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """One registry, given to who counts; /metrics shows it."""

    def __init__(self, version: str) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        cluster = ["namespace", "cluster"]
        prefix = "raftkeeper_operator_"
        info = Gauge(f"{prefix}info", "This operator.", ["version"], registry=registry)
        info.labels(version).set(1)
        self.leading = Gauge(
            f"{prefix}leading", "1 while this replica holds the Lease.", registry=registry
        )
        self.clusters = Gauge(
            f"{prefix}clusters", "Clusters that are looked after.", registry=registry
        )
        self.steps = Counter(
            f"{prefix}steps_total", "Looks at a cluster, by result.", ["result"], registry=registry
        )
        self.step_seconds = Histogram(
            f"{prefix}step_seconds",
            "How long a look and what followed from it took.",
            buckets=STEP_BUCKETS_S,
            registry=registry,
        )
        self.actions = Counter(
            f"{prefix}actions_total",
            "Effects, by kind and result.",
            ["action", "result"],
            registry=registry,
        )
        self.blocked_seconds = Gauge(
            f"{prefix}plan_blocked_seconds",
            "Since when the next step waits for something; absent when nothing does.",
            [*cluster, "reason"],
            registry=registry,
        )
        self.ready = Gauge(
            f"{prefix}cluster_ready", "1 while a quorum serves.", cluster, registry=registry
        )
        self.hibernated = Gauge(
            f"{prefix}cluster_hibernated",
            "1 while spec.hibernate is set: that nobody serves is meant then.",
            cluster,
            registry=registry,
        )
        self.voters = Gauge(
            f"{prefix}cluster_voters", "Committed voters.", cluster, registry=registry
        )
        self.wanted = Gauge(
            f"{prefix}cluster_voters_wanted", "spec.replicas.", cluster, registry=registry
        )
        self._count_requests(registry, prefix)

    def _count_requests(self, registry: CollectorRegistry, prefix: str) -> None:
        self.wakeups = Counter(
            f"{prefix}wakeups_total", "What set off a look.", ["source"], registry=registry
        )
        self.watch_restarts = Counter(
            f"{prefix}watch_restarts_total",
            "Watch streams that ended with an error and were begun anew.",
            ["resource"],
            registry=registry,
        )
        self.requests = Counter(
            f"{prefix}api_requests_total",
            "Requests to the API server, by verb and result.",
            ["method", "result"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            f"{prefix}api_request_seconds", "How long they took.", ["method"], registry=registry
        )

    def request_done(self, method: str, result: str, seconds: float) -> None:
        """One request to the API server."""
        self.requests.labels(method, result).inc()
        self.request_seconds.labels(method).observe(seconds)

    def forget(self, namespace: str, name: str) -> None:
        """A cluster is gone; its series go too."""
        for gauge in (self.ready, self.hibernated, self.voters, self.wanted):
            gauge.remove_by_labels({"namespace": namespace, "cluster": name})
        self.blocked_seconds.remove_by_labels({"namespace": namespace, "cluster": name})

    def page(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
