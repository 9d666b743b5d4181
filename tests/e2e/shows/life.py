"""`python -m e2e life`: apply, scale to five, upgrade, with clients writing all the time, written down.

It does what a user does, with kubectl, and looks twice a second at what a user can see. The recording is
in build/e2e/life.json; `life_picture.py` draws it. Every acknowledged write is looked for at the end.
"""

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field

from e2e.access import api_of
from e2e.api import ApiError, Object
from e2e.deadline import wait_for
from e2e.ensemble import DEFAULTS, KIND, Ensemble, image_of, is_ready, name_of
from e2e.home import REPOSITORY, say
from e2e.images import NEXT_NODE_IMAGE, NODE_IMAGE
from e2e.load import Load
from e2e.provider import Provider
from e2e.shell import run
from e2e.shows.ground import fresh_namespace

NAMESPACE = "life"
RECORDING = REPOSITORY / "build" / "e2e" / "life.json"
LOOK_EVERY_S = 0.5
# What the four clients write a second, all together: enough that a pause is seen as a notch.
RATE = 200
# Between two commands: a picture needs some calm, to show what the calm looks like.
CALM_S = 6
SETTLED_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Command:
    """What the user typed, and when."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was to be seen at one moment."""

    at: float
    acknowledged: int
    """Writes so far, of all clients; 0 before the first."""
    pods: dict[str, str]
    """Every pod and its state: starting, joining, learner, follower or leader."""
    images: dict[str, str]
    """Tag of each pod's image."""


@dataclass(slots=True)
class Recording:
    """A run. `decisions` are the operator's Events."""

    commands: list[Command] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    decisions: list[tuple[float, str]] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    """When each command was done."""
    summary: dict[str, int] = field(default_factory=dict)

    def save(self) -> None:
        RECORDING.parent.mkdir(parents=True, exist_ok=True)
        RECORDING.write_text(json.dumps(asdict(self), indent=1))


def read() -> Recording:
    """The last run's."""
    kept = json.loads(RECORDING.read_text())
    return Recording(
        [Command(**item) for item in kept["commands"]],
        [Look(**item) for item in kept["looks"]],
        [(float(at), str(text)) for at, text in kept["decisions"]],
        [float(at) for at in kept["settled"]],
        kept["summary"],
    )


def record(provider: Provider) -> Recording:
    """The whole run, in a namespace of its own that is gone afterwards."""
    with api_of(provider.kubectl, provider.kubeconfig) as api, fresh_namespace(api, NAMESPACE):
        ensemble = Ensemble(api, NAMESPACE, "zoo", NODE_IMAGE)
        load = Load(api, NAMESPACE)
        recorder = _Recorder(provider, ensemble, load)
        with recorder.watching():
            _live(recorder, ensemble, load)
        recorder.read_decisions()
        report = load.finish(ensemble.addresses())
        names = ("acknowledged", "gap_max_ms", "unknown", "reconnects", "expired", "missing_count")
        recorder.recording.summary = {name: int(report.counts[name]) for name in names}
        say(str(report))
    recorder.recording.save()
    return recorder.recording


def _live(recorder: "_Recorder", ensemble: Ensemble, load: Load) -> None:
    repository, _, tag = NODE_IMAGE.rpartition(":")
    manifest = {
        "apiVersion": "raftkeeper.io/v1",
        "kind": "RaftKeeperCluster",
        "metadata": {"name": ensemble.name},
        "spec": {**DEFAULTS, "image": {"repository": repository, "tag": tag}},
    }
    recorder.do("apply -f zoo.yaml", "apply", "-f", "-", given=json.dumps(manifest))
    load.start(ensemble.host, NODE_IMAGE, rate=RATE)
    recorder.settle(3)
    recorder.do("scale rk/zoo --replicas=5", "scale", "rk/zoo", "--replicas=5")
    recorder.settle(5)
    image = {"spec": {"image": {"tag": NEXT_NODE_IMAGE.rpartition(":")[2]}}}
    patch = ["patch", "rk/zoo", "--type=merge", "--patch", json.dumps(image)]
    recorder.do("patch rk/zoo … image: next", *patch)
    recorder.settle(5)


class _Recorder:
    """Types commands, and looks."""

    def __init__(self, provider: Provider, ensemble: Ensemble, load: Load) -> None:
        self.recording = Recording()
        self._kubectl = [*provider.kubectl, f"--kubeconfig={provider.kubeconfig}"]
        self._ensemble = ensemble
        self._load = load
        self._started = time.monotonic()
        self._started_at = _wall_clock()
        self._stop = threading.Event()

    def do(self, text: str, *words: str, given: str | None = None) -> None:
        """A command of the user's; `text` is how it is shown."""
        if not self.recording.commands:
            self._started, self._started_at = time.monotonic(), _wall_clock()
        self.recording.commands.append(Command(self._now(), f"kubectl {text}"))
        say(f"kubectl {text}")
        run(*self._kubectl, "--namespace", NAMESPACE, *words, given=given)

    def settle(self, replicas: int) -> None:
        """Until all that was asked for is so, and a moment more."""
        self._ensemble.wait_settled(replicas, timeout_s=SETTLED_TIMEOUT_S)
        self.recording.settled.append(self._now())
        calm_until = self._now() + CALM_S
        wait_for("a calm moment", lambda: self._now() >= calm_until, timeout_s=2 * CALM_S)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def read_decisions(self) -> None:
        """What the operator said of each, as `kubectl describe` shows it."""
        for event in self._ensemble.api.list("events", NAMESPACE):
            if event["involvedObject"].get("kind") == "RaftKeeperCluster" and event["eventTime"]:
                at = _seconds(event["eventTime"]) - self._started_at
                self.recording.decisions.append((round(at, 2), event["message"]))
        self.recording.decisions.sort()

    def _now(self) -> float:
        return round(time.monotonic() - self._started, 2)

    def _watch(self) -> None:
        with closing(self._ensemble.api):
            while not self._stop.wait(LOOK_EVERY_S):
                if self.recording.commands:
                    self._look()

    def _look(self) -> None:
        try:
            acknowledged = self._load.report().acknowledged
        except AssertionError:
            acknowledged = 0  # its pod is not there yet
        at = self._now()
        try:
            cluster = self._ensemble.api.find(KIND, NAMESPACE, self._ensemble.name) or {}
            pods = self._ensemble.pods()
        except (ApiError, OSError):
            return  # the next look is soon
        roles = {item["pod"]: item["role"] for item in cluster.get("status", {}).get("members", [])}
        states = {name_of(pod): _state(pod, roles) for pod in pods}
        images = {name_of(pod): image_of(pod).rpartition(":")[2] for pod in pods}
        self.recording.looks.append(Look(at, acknowledged, states, images))


def _state(pod: Object, roles: dict[str, str]) -> str:
    """Of a pod, as the picture tells them apart."""
    role = roles.get(name_of(pod), "joining")
    if role != "learner" and not is_ready(pod):
        return "starting"
    return role


def _seconds(stamp: str) -> float:
    """Of Kubernetes' MicroTime."""
    return dt.datetime.fromisoformat(stamp).timestamp()


def _wall_clock() -> float:
    """The clock of the Events, which are the operator's; here it is the same machine, or nearly so."""
    return dt.datetime.now(dt.UTC).timestamp()
