"""What the API server said when it did not do what was asked, as exceptions of ours.

Everything that calls `clients.kube` sees these and nothing of the library below it.
"""


class KubeError(Exception):
    """A request to the API server failed. `status` is 0 when there was no answer."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class NotFound(KubeError):
    """There is no such object (404, or 410 for what has been)."""


class Conflict(KubeError):
    """A precondition does not hold, or the object exists already: look again (409, 412)."""


class Refused(KubeError):
    """The object is not valid, or this operator may not do that: a person must act (400, 401, 403, 422)."""


class TooManyRequests(KubeError):
    """The API server is busy, or a disruption budget forbids an eviction for now (429)."""


class Unreachable(KubeError):
    """No answer in time, or one that says that the server is in trouble: the outcome is unknown."""


def from_status(status: int, reason: str, message: str) -> KubeError:
    """The exception for an HTTP status."""
    kinds: dict[int, type[KubeError]] = {
        400: Refused,
        401: Refused,
        403: Refused,
        404: NotFound,
        409: Conflict,
        410: NotFound,
        412: Conflict,
        422: Refused,
        429: TooManyRequests,
    }
    kind = kinds.get(status, Unreachable if status >= 500 else KubeError)
    return kind(status, reason, message)
