"""From when to when a certificate of the node's own is good, and the warnings about it in the log.

Python's `ssl` tells dates only of CAs and of peers it has verified, so they are read from the bytes.
It must not keep a certificate from being used: TLS, at the other end, decides on that.
"""

import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from raftkeeper.server import limits
from raftkeeper.server.certificate_fields import VALIDITY, field_at
from raftkeeper.server.clock import SystemClock
from raftkeeper.server.der import elements
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)

_SHOWN = "it is shown all the same; whoever checks it refuses the connection"
_RENEWED = "put a new one in its place; it is read at the next connection, with no restart"


def warn_of_dates(file: Path, of: str, now_ms: int | None = None) -> None:
    """Logs what is wrong, or soon will be, with the dates of the first certificate in this PEM file.

    It is used all the same. A node that refused to start for it would take its part of the quorum, and
    every plain port, away from those who could still use them; and a clock that is wrong would do that
    to a good certificate. Of a chain only the first one is the node's: it is the one to be renewed.
    """
    try:
        since, until = _dates_in(file)
    except (OSError, ValueError) as error:
        log.warning("certificate.dates_unknown", of=of, file=str(file), reason=str(error))
        return
    wall_ms = SystemClock.wall_ms() if now_ms is None else now_ms
    now = datetime.fromtimestamp(wall_ms / 1000, UTC)
    if until < now:
        log.warning(
            "certificate.expired",
            of=of,
            file=str(file),
            expired=until.isoformat(),
            effect=_SHOWN,
            advice=_RENEWED,
        )
    elif since > now:
        log.warning(
            "certificate.not_yet_valid",
            of=of,
            file=str(file),
            valid_from=since.isoformat(),
            effect=_SHOWN,
            advice=f"if the clock of this machine is right, {_RENEWED}",
        )
    elif until - now < timedelta(days=limits.CERTIFICATE_EXPIRY_WARNING_DAYS):
        log.warning(
            "certificate.expires_soon",
            of=of,
            file=str(file),
            expires=until.isoformat(),
            advice=_RENEWED,
        )


def dates_of(certificate: bytes) -> tuple[datetime, datetime]:
    """From when to when a certificate in DER is good. ValueError when that cannot be read."""
    try:
        validity = field_at(certificate, VALIDITY)
        since, until = (_time(kind, content) for kind, content in elements(validity))
    except (IndexError, StopIteration, ValueError) as error:
        raise ValueError("the dates of the certificate cannot be read") from error
    return since, until


def _dates_in(file: Path) -> tuple[datetime, datetime]:
    found = _CERTIFICATE.search(file.read_text(encoding="ascii", errors="replace"))
    if found is None:
        raise ValueError("there is no BEGIN CERTIFICATE in it")
    return dates_of(ssl.PEM_cert_to_DER_cert(found.group()))


def _time(kind: int, content: bytes) -> datetime:
    """The two forms that RFC 5280 allows; the short one is for 1950 to 2049."""
    text = content.decode("ascii")
    if kind == _UTC_TIME:
        text = ("20" if text < "5" else "19") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("a date of another form")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
