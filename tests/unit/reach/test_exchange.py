# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners and probes on loopback, on this Python and on the oldest that is promised for hosts."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._reach import wire

from tests.environment.places import CHECKOUT
from tests.pythons import python as python_of

OLDEST = "3.6"
# The listener goes by its token on the whole machine, and test runs go side by side.
TOKEN = f"only-for-this-run-{os.getpid()}"
HERE, THERE = "127.0.0.2", "127.0.0.3"
CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from _reach import listen, probe, wire
given = json.loads(sys.argv[2])
targets = [wire.target(text) for text in given["targets"]]
own = wire.Addresses(given.get("address"), given.get("address_v6"))
if given["do"] == "start":
    answer = listen.start(targets, own, given["token"], given["seconds"])
elif given["do"] == "stop":
    answer = listen.stop(given["token"])
else:
    peers = [probe.Peer(peer["name"], wire.Addresses(*peer["addresses"]), peer["ports"]) for peer in given["peers"]]
    answer = probe.probe(peers, targets, own, given["token"], 0.7, given.get("packets", {}))
sys.stdout.write(json.dumps(answer))
"""


@pytest.fixture(params=["this", OLDEST])
def python(request: pytest.FixtureRequest) -> str:
    return sys.executable if request.param == "this" else python_of(OLDEST)


def call(python: str, **given: Any) -> Any:
    arguments = json.dumps({"token": TOKEN, "targets": [], **given})
    command = [python, "-c", CALL, str(CHECKOUT / "plugins/module_utils"), arguments]
    # With a pipe for its output, a listener that kept the pipe would keep this from returning, as it would keep SSH.
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.stderr == ""
    return json.loads(done.stdout)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((THERE, 0))
        return int(probe.getsockname()[1])


def peer(ports: dict[str, str]) -> dict[str, Any]:
    return {"name": "there", "addresses": [THERE, None], "ports": ports}


@pytest.fixture
def targets() -> list[str]:
    return [f"tcp/{free_port()}", f"udp/{free_port(socket.SOCK_DGRAM)}"]


def test_a_listener_answers_who_knows_the_token_and_nobody_else(python: str, targets: list[str]) -> None:
    ports = call(python, do="start", address=THERE, targets=targets, seconds=20)
    try:
        assert ports == dict.fromkeys(targets, "listening")
        asked = {"do": "probe", "address": HERE, "targets": targets, "peers": [peer(ports)]}
        assert call(python, **asked) == {"there": dict.fromkeys(targets, "ok")}
        assert call(python, **{**asked, "token": "another secret"}) == {
            "there": {targets[0]: "answered", targets[1]: "timeout"}
        }
    finally:
        assert call(python, do="stop") is True
    assert call(python, **asked) == {"there": dict.fromkeys(targets, "refused")}


def test_a_stranger_hears_nothing(python: str, targets: list[str]) -> None:
    call(python, do="start", address=THERE, targets=targets, seconds=20)
    tcp, udp = ((THERE, int(target.partition("/")[2])) for target in targets)
    try:
        with socket.create_connection(tcp, timeout=5) as connection:
            connection.sendall(bytes(wire.WORD))
            assert connection.recv(1) == b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(0.5)
            datagrams.sendto(bytes(wire.WORD), udp)
            with pytest.raises(TimeoutError):
                datagrams.recv(1)
    finally:
        call(python, do="stop")


def test_a_listener_is_gone_when_it_was_told_to_end(python: str, targets: list[str]) -> None:
    call(python, do="start", address=THERE, targets=targets, seconds=20)
    assert call(python, do="stop") is True
    assert call(python, do="stop") is False


def test_a_listener_ends_by_itself(python: str, targets: list[str]) -> None:
    call(python, do="start", address=THERE, targets=targets, seconds=1)
    time.sleep(1.5)
    assert call(python, do="stop") is False


def test_a_port_in_use_is_told_and_left_to_its_owner(python: str) -> None:
    with socket.socket() as owner:
        owner.bind((THERE, 0))
        owner.listen(1)
        target = f"tcp/{owner.getsockname()[1]}"
        ports = call(python, do="start", address=THERE, targets=[target], seconds=20)
        try:
            assert ports == {target: "in_use"}
            asked = call(python, do="probe", address=HERE, targets=[target], peers=[peer(ports)])
            assert asked == {"there": {target: "answered"}}
        finally:
            call(python, do="stop")


def test_a_datagram_port_in_use_proves_nothing(python: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as owner:
        owner.bind((THERE, 0))
        target = f"udp/{owner.getsockname()[1]}"
        ports = call(python, do="start", address=THERE, targets=[target], seconds=20)
        call(python, do="stop")
        assert ports == {target: "in_use"}
        asked = call(python, do="probe", address=HERE, targets=[target], peers=[peer(ports)])
        assert asked == {"there": {target: "not_provable"}}


def test_a_packet_of_the_overlays_size_is_answered_too(python: str, targets: list[str]) -> None:
    ports = call(python, do="start", address=THERE, targets=targets, seconds=20)
    sizes = dict.fromkeys(targets, 9000)
    asked = call(python, do="probe", address=HERE, targets=targets, peers=[peer(ports)], packets=sizes)
    call(python, do="stop")
    assert asked == {"there": dict.fromkeys(targets, "ok")}


@pytest.mark.parametrize(("answered", "outcome"), [(512, "too_big"), (1500, "ok")])
def test_a_way_that_carries_small_packets_alone_is_told_by_a_whole_one(
    python: str, answered: int, outcome: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((THERE, 0))
        target = f"udp/{far.getsockname()[1]}"
        listener = threading.Thread(target=answers_up_to, args=(far, answered))
        listener.start()
        sizes = {target: 1500}
        asked = {"do": "probe", "address": HERE, "targets": [target], "peers": [peer({target: "listening"})]}
        assert call(python, **asked, packets=sizes) == {"there": {target: outcome}}
        assert call(python, **asked) == {"there": {target: "ok"}}
        listener.join()


def answers_up_to(far: socket.socket, size: int) -> None:
    """The other end of a way that carries IP packets of up to this size."""
    far.settimeout(3)
    with contextlib.suppress(TimeoutError):
        while True:
            said, sender = far.recvfrom(wire.LARGEST)
            answer = wire.answer_to(said, TOKEN) if len(said) + 28 <= size else None
            if answer:
                far.sendto(answer, sender)


@pytest.mark.parametrize(("target", "headers"), [("udp/4789", 28), ("udp6/4789", 48), ("ip/4", 40)])
def test_a_large_question_fills_an_ip_packet(target: str, headers: int) -> None:
    assert len(wire.large_question(TOKEN, wire.target(target), 1500)) == 1500 - headers


def test_who_knows_no_token_gets_no_answer_to_a_large_question() -> None:
    said = wire.large_question("another", wire.target("udp/4789"), 1500)
    assert wire.answer_to(said, TOKEN) is None
    assert wire.answer_to(said, "another") == wire.large_answer("another")


def test_a_host_that_connects_and_says_nothing_does_not_keep_others_waiting(python: str, targets: list[str]) -> None:
    ports = call(python, do="start", address=THERE, targets=targets, seconds=20)
    with socket.create_connection((THERE, int(targets[0].partition("/")[2]))):
        asked = call(python, do="probe", address=HERE, targets=targets, peers=[peer(ports)])
    call(python, do="stop")
    assert asked == {"there": dict.fromkeys(targets, "ok")}


def both(ports: dict[str, str], ipv6: str | None = "::1") -> dict[str, Any]:
    return {"name": "there", "addresses": [THERE, ipv6], "ports": ports}


@pytest.fixture
def over_ipv6() -> list[str]:
    """Targets of IPv6; loopback has a single address of it, so both sides are there."""
    with contextlib.ExitStack() as opened:
        try:
            kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
            free = [opened.enter_context(socket.socket(socket.AF_INET6, kind)) for kind in kinds]
            for one in free:
                one.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 on loopback: {error}")
        return [f"{name}/{one.getsockname()[1]}" for name, one in zip(("tcp6", "udp6"), free)]


def test_a_host_of_both_families_is_asked_over_both(python: str, targets: list[str], over_ipv6: list[str]) -> None:
    everything = [*targets, *over_ipv6]
    listening = {"do": "start", "address": THERE, "address_v6": "::1", "targets": everything, "seconds": 20}
    ports = call(python, **listening)
    asked = {"do": "probe", "address": HERE, "address_v6": "::1", "targets": everything, "peers": [both(ports)]}
    try:
        assert ports == dict.fromkeys(everything, "listening")
        assert call(python, **asked) == {"there": dict.fromkeys(everything, "ok")}
    finally:
        call(python, do="stop")
    assert call(python, **asked) == {"there": dict.fromkeys(everything, "refused")}


def test_a_port_that_somebody_has_over_ipv4_alone_is_free_over_ipv6(python: str, over_ipv6: list[str]) -> None:
    number = over_ipv6[0].partition("/")[2]
    with socket.socket() as owner:
        owner.bind((THERE, int(number)))
        owner.listen(1)
        both_kinds = [f"tcp/{number}", over_ipv6[0]]
        ports = call(python, do="start", address=THERE, address_v6="::1", targets=both_kinds, seconds=20)
        call(python, do="stop")
    assert ports == {both_kinds[0]: "in_use", both_kinds[1]: "listening"}


def test_a_host_without_an_address_of_a_family_says_so(python: str, over_ipv6: list[str]) -> None:
    ports = call(python, do="start", address=THERE, targets=over_ipv6, seconds=20)
    call(python, do="stop")
    assert ports == dict.fromkeys(over_ipv6, "this host has no IPv6 address")


@pytest.mark.parametrize(("own", "theirs"), [(None, "::1"), ("::1", None)])
def test_between_hosts_of_which_one_lacks_a_family_nothing_is_asked_over_it(
    python: str, targets: list[str], over_ipv6: list[str], own: str | None, theirs: str | None
) -> None:
    everything = [targets[0], over_ipv6[0]]
    ports = call(python, do="start", address=THERE, address_v6="::1", targets=everything, seconds=20)
    asked = {"do": "probe", "address": HERE, "address_v6": own, "targets": everything, "peers": [both(ports, theirs)]}
    try:
        assert call(python, **asked) == {"there": {targets[0]: "ok", over_ipv6[0]: "not_provable"}}
    finally:
        call(python, do="stop")


@pytest.mark.parametrize(
    "target", ["tcp", "tcp/", "tcp/0", "tcp/65536", "sctp/1", "ip/50", "ip6/4", "tcp/-1", "udp/1x"]
)
def test_what_is_no_target_is_refused_with_what_is_needed(target: str) -> None:
    with pytest.raises(wire.BadTarget, match="is no target: tcp/PORT, udp/PORT, tcp6/PORT, udp6/PORT or ip/4"):
        wire.target(target)
