# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Asks the listeners of other hosts, all at once, within one deadline."""

import contextlib
import errno
import select
import socket
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import wire
from .listen import IN_USE, LISTENING
from .wire import IPIP, Addresses, Target

OK, ANSWERED, REFUSED, UNREACHABLE, TIMEOUT, TOO_BIG, NOT_PROVABLE = (
    *("ok", "answered", "refused", "unreachable"),
    *("timeout", "too_big", "not_provable"),
)
_REPEAT = 0.5
"""Seconds after which a datagram without an answer is sent again: one may be lost without a fault."""

_REFUSALS = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: REFUSED,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EACCES: UNREACHABLE,
    errno.EPERM: UNREACHABLE,
}


class Peer(NamedTuple):
    name: str
    addresses: Addresses
    ports: Dict[str, str]
    """By target, what its listener said: see listen.start()."""


class _Call(NamedTuple):
    peer: Peer
    address: str
    target: Target
    connection: socket.socket
    size: int
    """Of a large packet; 0 for the first, small one."""


def probe(
    peers: List[Peer], targets: List[Target], own: Addresses, token: str, seconds: float, sizes: Dict[str, int]
) -> Dict[str, Dict[str, str]]:
    """By peer and target: how it went.

    `ok`: our listener answered. `answered`: something else that has the port took a TCP connection. `refused`, `unreachable`
    and `timeout`: as the network said. `too_big`: a small packet was answered, and one of the target's full size among `sizes` was not.
    It was lost, or a router said why. `not_provable`: the port is in use there, so nobody answers for us; or one of the two has no
    address of this family.
    """
    found: Dict[str, Dict[str, str]] = {peer.name: {} for peer in peers}
    calls: List[_Call] = []
    for peer in peers:
        for one in targets:
            state, source, destination = peer.ports.get(str(one)), own.of(one), peer.addresses.of(one)
            asked = state == LISTENING or (state == IN_USE and one.stream)
            if asked and source is not None and destination is not None:
                calls.append(_Call(peer, destination, one, _bound(wire.opened(one), source), 0))
                if str(one) in sizes and not one.stream:
                    whole = _bound(wire.opened_whole(one), source)
                    calls.append(_Call(peer, destination, one, whole, sizes[str(one)]))
            else:
                found[peer.name][str(one)] = NOT_PROVABLE
    large: List[Tuple[_Call, str]] = []
    try:
        for call, outcome in _exchange(calls, token, time.monotonic() + seconds):
            if call.size:
                large.append((call, outcome))
            else:
                found[call.peer.name][str(call.target)] = outcome
    finally:
        for call in calls:
            call.connection.close()
    for call, outcome in large:
        if found[call.peer.name][str(call.target)] == OK:
            found[call.peer.name][str(call.target)] = TOO_BIG if outcome == TIMEOUT else outcome
    return found


def _bound(opened: socket.socket, address: str) -> socket.socket:
    opened.setblocking(False)
    # From the address that calico-node will send from: a host with several may reach its peers by one of them only.
    opened.bind((address, 0))
    return opened


def _exchange(calls: List[_Call], token: str, until: float) -> List[Tuple[_Call, str]]:
    told: List[Tuple[_Call, str]] = []
    pending: Dict[int, Tuple[_Call, bool]] = {}
    for call in calls:
        outcome = _begin(call)
        if outcome is not None:
            told.append((call, outcome))
        else:
            # Whether the question was sent: a TCP connection has to be there first.
            pending[call.connection.fileno()] = (call, False)
    again = time.monotonic()
    while pending and time.monotonic() < until:
        if time.monotonic() >= again:
            again = time.monotonic() + _REPEAT
            for call, _asked in pending.values():
                if not call.target.stream:
                    _send(call, token)
        poller = select.poll()
        for number, (call, asked) in pending.items():
            connecting = call.target.stream and not asked
            poller.register(number, select.POLLOUT if connecting else select.POLLIN)
        wait = min(until, again) - time.monotonic()
        for number, _events in poller.poll(max(0, int(wait * 1000))):
            call, asked = pending[number]
            outcome = _advance(call, asked, token)
            if outcome is not None:
                told.append((call, outcome))
                del pending[number]
            elif not asked:
                pending[number] = (call, True)
    for call, asked in pending.values():
        # A connection that stands without a word from the other side is somebody's, not our listener's.
        taken = call.target.stream and asked
        told.append((call, ANSWERED if taken else TIMEOUT))
    return told


def _begin(call: _Call) -> Optional[str]:
    try:
        call.connection.connect((call.address, 0 if call.target.protocol == IPIP else call.target.port))
    except BlockingIOError:
        return None
    except OSError as error:
        return _REFUSALS.get(error.errno or 0, TIMEOUT)
    return None


def _send(call: _Call, token: str) -> None:
    question = wire.large_question(token, call.target, call.size) if call.size else wire.question(token)
    # An earlier refusal comes out here, or that the interface takes no such size; the answer decides.
    with contextlib.suppress(OSError):
        call.connection.send(wire.wrapped(question) if call.target.protocol == IPIP else question)


def _advance(call: _Call, asked: bool, token: str) -> Optional[str]:
    """The outcome, when there is one now."""
    try:
        if call.target.stream and not asked:
            failed = call.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                return _REFUSALS.get(failed, TIMEOUT)
            if call.peer.ports.get(str(call.target)) == IN_USE:
                return ANSWERED
            call.connection.send(wire.question(token))
            return None
        word: Any = call.connection.recv(2048)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EMSGSIZE and not call.size:
            # IP in IP has no ports: what a router says of the large packet comes to the small one's socket too.
            return None
        return _REFUSALS.get(error.errno or 0, TIMEOUT)
    if call.target.protocol == IPIP:
        word = wire.unwrapped(word)
    if word is not None and wire.is_word(word, wire.large_answer(token) if call.size else wire.answer(token)):
        return OK
    # Not ours: a stranger's datagram is passed over, a stranger's stream is somebody else's port.
    return ANSWERED if call.target.stream else None
