"""When certificates are renewed, and how a CA is followed by the next without a moment of mistrust.

The CA's Secret holds the CA that signs, and for a while its successor or its predecessor beside it.
Everybody trusts all that are there (the bundle). A new CA is first only trusted (`next`), and signs when
every member has had time to read the bundle; the old one stays trusted (`previous`) until the CA after
it comes. Each step is derived from the Secrets alone, so any of them may be the last of an operator.

Pure: Secrets' data in, Secrets' data out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raftkeeper_operator.tls.authority import (
    BadCertificate,
    Issued,
    bundle,
    fits,
    is_signed_by,
    issue,
    make_authority,
    read_facts,
)

SPREAD_MS = 10 * 60_000
"""From the bundle's change until every member trusts it: the kubelet brings a Secret into pods within
two minutes, and nodes look at their files every few seconds."""

CERTIFICATE, KEY, BUNDLE = "tls.crt", "tls.key", "ca.crt"
NEXT_CERTIFICATE, NEXT_KEY, NEXT_SINCE = "next.crt", "next.key", "next-since-ms"
PREVIOUS_CERTIFICATE = "previous.crt"

Data = Mapping[str, str]
"""Of a Secret, decoded."""


@dataclass(frozen=True, slots=True)
class Due:
    """From when on something is to be done about a certificate, and until when it is good."""

    renew_ms: int
    not_after_ms: int
    covers_all: bool = True


NOW = Due(0, 0, covers_all=False)
"""It cannot be used as it is."""


def authority_due(data: Data) -> Due:
    """For the CA's Secret."""
    try:
        facts = read_facts(data.get(CERTIFICATE, ""))
        if not fits(data[CERTIFICATE], data.get(KEY, "")):
            return NOW
    except BadCertificate:
        return NOW
    since = _next_since(data)
    return Due(since + SPREAD_MS if since else facts.renew_ms, facts.not_after_ms)


def renew_authority(data: Data, common_name: str, now_ms: int) -> dict[str, str]:
    """The next step of the CA: its first one, a successor to be trusted, or the change of hands."""
    if authority_due(data) == NOW:
        # Nothing that it signed can be renewed any more, so there is nobody to be gentle with.
        made = make_authority(common_name, now_ms)
        return {CERTIFICATE: made.certificate, KEY: made.key}
    if not _next_since(data):
        made = make_authority(common_name, now_ms)
        following = {NEXT_CERTIFICATE: made.certificate, NEXT_KEY: made.key}
        kept = {name: data[name] for name in (CERTIFICATE, KEY)}
        return {**kept, **following, NEXT_SINCE: str(now_ms)}
    return {
        CERTIFICATE: data[NEXT_CERTIFICATE],
        KEY: data[NEXT_KEY],
        PREVIOUS_CERTIFICATE: data[CERTIFICATE],
    }


def trusted(authority: Data) -> str:
    """The bundle: every CA whose certificates are to be trusted."""
    names = (CERTIFICATE, NEXT_CERTIFICATE, PREVIOUS_CERTIFICATE)
    return bundle(*(authority.get(name, "") for name in names))


def leaf_due(data: Data, authority: Data, names: Sequence[str]) -> Due:
    """For a Secret with a certificate of the CA. Another bundle or another CA makes it due at once."""
    try:
        facts = read_facts(data.get(CERTIFICATE, ""))
        usable = fits(data[CERTIFICATE], data.get(KEY, ""))
    except BadCertificate:
        return NOW
    covers = usable and facts.names >= set(names)
    signed = is_signed_by(data[CERTIFICATE], authority.get(CERTIFICATE, ""))
    current = signed and data.get(BUNDLE, "") == trusted(authority)
    return Due(facts.renew_ms if current else 0, facts.not_after_ms, covers_all=covers)


def renew_leaf(data: Data, authority: Data, names: Sequence[str], now_ms: int) -> dict[str, str]:
    """A new certificate with the bundle of now; the old one stays where only the bundle is another."""
    due = leaf_due(data, authority, names)
    signed = (
        is_signed_by(data.get(CERTIFICATE, "-"), authority[CERTIFICATE]) if due != NOW else False
    )
    if signed and due.covers_all and now_ms < read_facts(data[CERTIFICATE]).renew_ms:
        kept = {name: data[name] for name in (CERTIFICATE, KEY)}
        return {**kept, BUNDLE: trusted(authority)}
    made = issue(Issued(authority[CERTIFICATE], authority[KEY]), names, now_ms)
    return {CERTIFICATE: made.certificate, KEY: made.key, BUNDLE: trusted(authority)}


def _next_since(data: Data) -> int:
    """Since when there is a successor; 0 when there is none that could be used."""
    try:
        usable = fits(data.get(NEXT_CERTIFICATE, ""), data.get(NEXT_KEY, ""))
    except BadCertificate:
        return 0
    since = data.get(NEXT_SINCE, "")
    return int(since) if usable and since.isdecimal() else 0
