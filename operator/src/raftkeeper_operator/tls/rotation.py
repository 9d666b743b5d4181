"""When certificates are renewed, and how a CA is followed by the next without a moment of mistrust.

The CA's Secret holds the CA that signs, and for a while its successor or its predecessor beside it.
Everybody trusts all that are there (the bundle). A new CA is first only trusted (`next`), and signs when
every member has had time to read the bundle; the old one stays trusted (`previous`) until the CA after
it comes. Each step is derived from the Secrets alone, so any of them may be the last of an operator.

A CA whose Secret was lost signs no more, but the members still run with what it signed. Its certificate stands
in their bundle, and becomes the `previous` one of the CA that takes its place. Whatever has happened: no CA
signs before the members' Secret has had it in the bundle for a while (`trusted-since-ms`).

Pure: Secrets' data in, Secrets' data out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raftkeeper_operator.tls.authority import (
    BadCertificate,
    Issued,
    bundle,
    certificates_in,
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
TRUSTED_SINCE = "trusted-since-ms"
"""In the leaf's Secret: when the newest CA came into its bundle. Absent in one that began with its bundle."""

PREVIOUS_MAX = 4
"""Certificates of lost CAs that stay trusted: each time that somebody deletes the Secret there is one more."""

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


def renew_authority(data: Data, leaf: Data, common_name: str, now_ms: int) -> dict[str, str]:
    """The next step of the CA: its first one, a successor to be trusted, or the change of hands.

    `leaf` is what the members run with: it tells whom they trust when the CA's own Secret does not.
    """
    if authority_due(data) == NOW:
        made = make_authority(common_name, now_ms)
        first = {CERTIFICATE: made.certificate, KEY: made.key}
        lost = _trusted_by(leaf)[:PREVIOUS_MAX]
        return {**first, PREVIOUS_CERTIFICATE: bundle(*lost)} if lost else first
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
    """For a Secret with a certificate of the CA. Another bundle makes it due at once, another CA as soon as
    that is trusted.
    """
    try:
        facts = read_facts(data.get(CERTIFICATE, ""))
        usable = fits(data[CERTIFICATE], data.get(KEY, ""))
    except BadCertificate:
        return NOW
    covers = usable and facts.names >= set(names)
    if data.get(BUNDLE, "") != trusted(authority):
        return Due(0, facts.not_after_ms, covers_all=covers)
    if is_signed_by(data[CERTIFICATE], authority.get(CERTIFICATE, "")):
        return Due(facts.renew_ms, facts.not_after_ms, covers_all=covers)
    if usable and _is_of_another(data, authority):
        # A name that it lacks has to wait as well: nobody would believe another certificate yet.
        return Due(min(_since(data) + SPREAD_MS, facts.not_after_ms), facts.not_after_ms)
    return Due(0, facts.not_after_ms, covers_all=covers)


def renew_leaf(data: Data, authority: Data, names: Sequence[str], now_ms: int) -> dict[str, str]:
    """A new certificate with the bundle of now; the old one stays where only the bundle is another."""
    around = {BUNDLE: trusted(authority)}
    since = 0
    if _is_usable(data):
        before = certificates_in(data.get(BUNDLE, ""))
        is_new = set(certificates_in(around[BUNDLE])) - set(before)
        since = now_ms if is_new else _since(data)
        around |= {TRUSTED_SINCE: str(since)} if since else {}
    if _may_stay(data, authority, names, now_ms, since):
        return {CERTIFICATE: data[CERTIFICATE], KEY: data[KEY], **around}
    made = issue(Issued(authority[CERTIFICATE], authority[KEY]), names, now_ms)
    return {CERTIFICATE: made.certificate, KEY: made.key, **around}


def _may_stay(
    data: Data, authority: Data, names: Sequence[str], now_ms: int, since_ms: int
) -> bool:
    """The certificate is good as it is; or the CA that would sign another is not trusted by all yet."""
    if not _is_usable(data):
        return False
    facts = read_facts(data[CERTIFICATE])
    if is_signed_by(data[CERTIFICATE], authority[CERTIFICATE]):
        return facts.names >= set(names) and now_ms < facts.renew_ms
    is_early = now_ms < min(since_ms + SPREAD_MS, facts.not_after_ms)
    return is_early and _is_of_another(data, authority)


def _is_of_another(data: Data, authority: Data) -> bool:
    """A CA signed it that members still trust."""
    return any(is_signed_by(data[CERTIFICATE], one) for one in certificates_in(trusted(authority)))


def _trusted_by(leaf: Data) -> list[str]:
    """The CAs that members trust who run with it: the one that signed it first, then the newest."""
    if not _is_usable(leaf):
        return []
    found = certificates_in(leaf.get(BUNDLE, ""))
    return sorted(found, key=lambda one: not is_signed_by(leaf[CERTIFICATE], one))


def _is_usable(data: Data) -> bool:
    try:
        return fits(data.get(CERTIFICATE, ""), data.get(KEY, ""))
    except BadCertificate:
        return False


def _since(data: Data) -> int:
    """When the newest CA came into the bundle; 0 for before anybody could lack it."""
    moment = data.get(TRUSTED_SINCE, "")
    return int(moment) if moment.isdecimal() else 0


def _next_since(data: Data) -> int:
    """Since when there is a successor; 0 when there is none that could be used."""
    try:
        usable = fits(data.get(NEXT_CERTIFICATE, ""), data.get(NEXT_KEY, ""))
    except BadCertificate:
        return 0
    since = data.get(NEXT_SINCE, "")
    return int(since) if usable and since.isdecimal() else 0
