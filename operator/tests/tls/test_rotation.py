"""Certificates: what they are good for, when they are renewed, and that nobody is ever mistrusted."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from raftkeeper_operator.tls.authority import (
    AUTHORITY_DAYS,
    LEAF_DAYS,
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
from raftkeeper_operator.tls.rotation import (
    BUNDLE,
    CERTIFICATE,
    KEY,
    NOW,
    PREVIOUS_MAX,
    SPREAD_MS,
    authority_due,
    leaf_due,
    renew_authority,
    renew_leaf,
)

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
NAMES = ["*.c-members.ns.svc", "c-members.ns.svc"]


def shake_hands(directory: Path, served: dict[str, str], asking: dict[str, str], name: str) -> str:
    """What a client with one leaf hears from a server with another; SSLError when they mistrust."""
    contexts = []
    for purpose, leaf in ((ssl.Purpose.CLIENT_AUTH, served), (ssl.Purpose.SERVER_AUTH, asking)):
        context = ssl.create_default_context(purpose, cadata=leaf[BUNDLE])
        context.verify_mode = ssl.CERT_REQUIRED
        pair = directory / "pair.pem"
        pair.write_text(leaf[CERTIFICATE] + leaf[KEY])
        context.load_cert_chain(pair)
        contexts.append(context)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with contexts[0].wrap_socket(theirs, server_side=True) as accepted:
                accepted.sendall(b"hello")
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with contexts[1].wrap_socket(ours, server_hostname=name) as connected:
            return connected.recv(5).decode()
    finally:
        ours.close()
        thread.join(5)


def now_ms() -> int:
    """The wall clock, because OpenSSL looks at it."""
    return time.time_ns() // 1_000_000


def test_a_leaf_is_trusted_through_its_ca(tmp_path: Path) -> None:
    """Both ends of a connection accept it, under a pod's name and under the Service's."""
    ca = renew_authority({}, {}, "c", now_ms())
    leaf = renew_leaf({}, ca, NAMES, now_ms())
    for name in ("c-0.c-members.ns.svc", "c-members.ns.svc"):
        assert shake_hands(tmp_path, leaf, leaf, name) == "hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, leaf, leaf, "other.ns.svc")
    stranger = renew_leaf({}, renew_authority({}, {}, "c", now_ms()), NAMES, now_ms())
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, leaf, stranger, "c-members.ns.svc")


def test_a_leaf_never_outlives_its_ca() -> None:
    """Near the end of the CA's life a leaf is shorter."""
    ca = make_authority("c", NOW_MS)
    late = NOW_MS + (AUTHORITY_DAYS - 10) * DAY_MS
    leaf = issue(ca, NAMES, late)
    assert read_facts(leaf.certificate).not_after_ms == read_facts(ca.certificate).not_after_ms


def test_long_names_are_left_to_the_alternative_names() -> None:
    """A certificate's common name is bounded, its alternative names are not."""
    long = f"{'n' * 60}.{'s' * 60}.svc"
    leaf = issue(make_authority("c" * 80, NOW_MS), [long], NOW_MS)
    assert read_facts(leaf.certificate).names == {long}


def test_renewal_is_due_at_two_thirds() -> None:
    """Of a leaf's life and of a CA's."""
    ca = renew_authority({}, {}, "c", NOW_MS)
    leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    due = leaf_due(leaf, ca, NAMES)
    assert abs(due.renew_ms - NOW_MS - LEAF_DAYS * DAY_MS * 2 // 3) < DAY_MS
    assert due.covers_all
    assert abs(authority_due(ca).renew_ms - NOW_MS - AUTHORITY_DAYS * DAY_MS * 2 // 3) < DAY_MS


def test_a_renewal_of_what_is_good_changes_nothing() -> None:
    """A repeated action makes no second certificate."""
    ca = renew_authority({}, {}, "c", NOW_MS)
    leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    assert renew_leaf(leaf, ca, NAMES, NOW_MS + DAY_MS) == leaf


def test_a_leaf_is_renewed_when_it_is_old_or_lacks_a_name() -> None:
    """By time, and by names that came later."""
    ca = renew_authority({}, {}, "c", NOW_MS)
    leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    assert renew_leaf(leaf, ca, NAMES, NOW_MS + 61 * DAY_MS)[CERTIFICATE] != leaf[CERTIFICATE]
    more = [*NAMES, "another.ns.svc"]
    assert not leaf_due(leaf, ca, more).covers_all
    assert leaf_due(renew_leaf(leaf, ca, more, NOW_MS), ca, more).covers_all


@pytest.mark.parametrize("broken", [{}, {CERTIFICATE: "x", KEY: "y"}, "foreign key"])
def test_what_cannot_be_used_is_made_anew(broken: dict[str, str] | str) -> None:
    """An emptied or damaged Secret is not a reason to stop."""
    ca, other = renew_authority({}, {}, "c", NOW_MS), renew_authority({}, {}, "c", NOW_MS)
    data = {**ca, KEY: other[KEY]} if isinstance(broken, str) else broken
    assert authority_due(data) == NOW
    assert authority_due(renew_authority(data, {}, "c", NOW_MS)) != NOW
    leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    spoiled = {**leaf, KEY: other[KEY]} if isinstance(broken, str) else broken
    due = leaf_due(spoiled, ca, NAMES)
    assert not due.covers_all
    assert leaf_due(renew_leaf(spoiled, ca, NAMES, NOW_MS), ca, NAMES).covers_all


def test_every_step_of_a_new_ca_is_trusted_by_the_step_before(tmp_path: Path) -> None:
    """A member that has not read its files again still speaks with one that has."""
    start = now_ms() - 2 * SPREAD_MS
    ca = renew_authority({}, {}, "c", start)
    leaf = renew_leaf({}, ca, NAMES, start)
    steps = [(ca, leaf)]
    for pause in (0, SPREAD_MS):
        ca = renew_authority(ca, leaf, "c", start + pause)
        assert leaf_due(leaf, ca, NAMES).renew_ms == 0
        leaf = renew_leaf(leaf, ca, NAMES, start + pause)
        assert leaf_due(leaf, ca, NAMES).renew_ms > start
        steps.append((ca, leaf))
    (_, first), (trusted_next, second), (_, third) = steps
    assert first[CERTIFICATE] == second[CERTIFICATE], "only trusted yet"
    assert is_signed_by(third[CERTIFICATE], trusted_next["next.crt"])
    for mine, theirs in ((first, second), (second, third), (third, second), (second, first)):
        name = "c-members.ns.svc"
        assert shake_hands(tmp_path, mine, theirs, name) == "hello"


def test_the_next_ca_signs_only_after_everybody_had_time_to_trust_it() -> None:
    """The second step is due when the bundle has spread."""
    ca = renew_authority(renew_authority({}, {}, "c", NOW_MS), {}, "c", NOW_MS + DAY_MS)
    assert authority_due(ca).renew_ms == NOW_MS + DAY_MS + SPREAD_MS


def test_members_still_trust_each_other_when_the_ca_is_lost(tmp_path: Path) -> None:
    """The new CA signs only when everybody had time to trust it, counted from when it is in the bundle."""
    start = now_ms() - 3 * SPREAD_MS
    leaf = renew_leaf({}, renew_authority({}, {}, "c", start), NAMES, start)
    lost = start + SPREAD_MS
    ca = renew_authority({}, leaf, "c", lost)
    assert leaf_due(leaf, ca, NAMES).renew_ms == 0, "the bundle is to have the new CA"
    # The operator was away between the two Secrets.
    seen = lost + SPREAD_MS // 2
    waiting = renew_leaf(leaf, ca, [*NAMES, "new"], seen)
    assert waiting[CERTIFICATE] == leaf[CERTIFICATE]
    due = leaf_due(waiting, ca, [*NAMES, "new"])
    assert (due.renew_ms, due.covers_all) == (seen + SPREAD_MS, True)
    assert renew_leaf(waiting, ca, NAMES, seen + SPREAD_MS - 1) == waiting
    signed = renew_leaf(waiting, ca, NAMES, seen + SPREAD_MS)
    assert is_signed_by(signed[CERTIFICATE], ca[CERTIFICATE])
    assert leaf_due(signed, ca, NAMES).renew_ms > now_ms()
    name = "c-members.ns.svc"
    for mine, theirs in ((leaf, waiting), (waiting, leaf), (waiting, signed), (signed, waiting)):
        assert shake_hands(tmp_path, mine, theirs, name) == "hello"


def test_ca_that_is_lost_again_and_again_leaves_a_bounded_trail() -> None:
    """The newest stay trusted, the one that signed what members run with among them."""
    ca = renew_authority({}, {}, "c", NOW_MS)
    first = leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    for minute in range(1, 8):
        ca = renew_authority({}, leaf, "c", NOW_MS + minute * 60_000)
        leaf = renew_leaf(leaf, ca, NAMES, NOW_MS + minute * 60_000)
    assert len(certificates_in(leaf[BUNDLE])) == PREVIOUS_MAX + 1
    assert first[CERTIFICATE] == leaf[CERTIFICATE]
    assert any(is_signed_by(leaf[CERTIFICATE], one) for one in certificates_in(leaf[BUNDLE]))


def test_a_lost_ca_of_members_without_a_certificate_is_just_made_anew() -> None:
    """There is nobody to be gentle with, and what no key fits tells nothing."""
    ca, other = renew_authority({}, {}, "c", NOW_MS), renew_authority({}, {}, "c", NOW_MS)
    leaf = renew_leaf({}, ca, NAMES, NOW_MS)
    for spoiled in ({}, {**leaf, KEY: other[KEY]}, {**leaf, BUNDLE: "x"}):
        assert set(renew_authority({}, spoiled, "c", NOW_MS)) == {CERTIFICATE, KEY}


def test_a_bundle_holds_each_certificate_once() -> None:
    """Empty parts and repetitions are left out."""
    ca = make_authority("c", NOW_MS).certificate
    assert bundle(ca, "", ca).count("BEGIN CERTIFICATE") == 1


def test_keys_are_not_shown() -> None:
    """Neither a log line nor a failed assertion prints a key."""
    assert "PRIVATE" not in repr(make_authority("c", NOW_MS))


def test_garbage_is_named() -> None:
    """A key in the place of a certificate is an error of ours with a sentence."""
    ca = make_authority("c", NOW_MS)
    with pytest.raises(BadCertificate, match="no certificate"):
        read_facts(ca.key)
    with pytest.raises(BadCertificate, match="no private key"):
        fits(ca.certificate, ca.certificate)
    assert not is_signed_by(ca.certificate, "x")
    assert not is_signed_by(Issued("", "").certificate, ca.certificate)
