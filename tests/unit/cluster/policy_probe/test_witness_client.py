# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of a witness sees gaps and holes, and reports them in a message whose length does not depend on time."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.client import MOST
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.witness_client import (
    CLIENT,
    client_arguments,
    heard,
    targets_text,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.policy.witness import Heard

from tests.lab.eventually import eventually

from .programs import Program, Server, needs_bash

pytestmark = needs_bash


class Client(Program):
    def __init__(self, folder: Path, lifetime: int = 120) -> None:
        super().__init__(folder, CLIENT, client_arguments(lifetime)[3:])

    def connect(self, allowed: Server, denied: Server | int) -> None:
        port = denied if isinstance(denied, int) else denied.port
        self.tell("targets", f"127.0.0.1 {allowed.port} allowed\n127.0.0.1 {port} denied\n")

    def await_begun(self) -> None:
        eventually((self.state / "begun").exists, 60)

    def report(self) -> Heard:
        self.tell("over", "1")
        said = self.said()
        assert len(said.encode()) < MOST / 4
        return heard(said)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    made = Server(answers=True), Server(answers=False)
    yield made
    for each in made:
        each.socket.close()


def test_it_has_begun_when_allowed_connections_come_through_and_denied_ones_do_not(
    client: Client, servers: tuple[Server, Server]
) -> None:
    allowed, denied = servers
    denied.answers = True
    client.connect(allowed, denied)
    denied.more(250)
    assert not (client.state / "begun").exists()
    denied.answers = False
    client.await_begun()
    found = client.report()
    assert (found.denied[0].through, found.allowed[0].lost_since) == (0, None)
    assert found.denied[0].open_until is not None


def test_a_gap_is_as_long_as_connections_were_lost(client: Client, servers: tuple[Server, Server]) -> None:
    allowed, denied = servers
    client.connect(allowed, denied)
    client.await_begun()
    allowed.answers = False
    allowed.more(50)
    allowed.answers = True
    allowed.more(250)  # those are judged by now
    found = client.report().allowed[0]
    assert found.gap >= 0.2
    assert (found.gap_began or 0.0) > (found.first or 0.0) > 0.0
    assert found.lost_since is None


def test_denied_connections_that_come_through_later_are_counted(client: Client, servers: tuple[Server, Server]) -> None:
    allowed, denied = servers
    client.connect(allowed, denied)
    client.await_begun()
    denied.answers = True
    denied.more(20)
    denied.answers = False
    denied.more(250)
    found = client.report().denied[0]
    assert found.through == denied.answered
    assert found.first is not None


def test_what_is_lost_while_the_network_is_not_there_yet_is_not_dropped_by_policy(
    client: Client, servers: tuple[Server, Server]
) -> None:
    allowed, denied = servers
    allowed.answers = False
    client.connect(allowed, denied)
    denied.more(50)
    allowed.answers = denied.answers = True
    denied.more(50)
    denied.answers = False
    client.await_begun()
    found = client.report().denied[0]
    assert found.through == 0
    assert found.open_until is not None


def test_refused_by_the_pod_itself_came_through(client: Client, servers: tuple[Server, Server]) -> None:
    allowed, denied = servers
    client.connect(allowed, denied)
    client.await_begun()
    denied.socket.close()  # The thread still holds it until one more comes.
    allowed.more(400)
    assert client.report().denied[0].through > 0


def test_what_came_just_before_the_end_is_not_forgotten(client: Client, servers: tuple[Server, Server]) -> None:
    allowed, denied = servers
    client.connect(allowed, denied)
    client.await_begun()
    denied.answers = True
    denied.more(20)
    found = client.report()
    assert found.denied[0].through >= 20
    assert found.allowed[0].lost_since is None


def test_who_is_ended_by_the_kubelet_still_reports(client: Client, servers: tuple[Server, Server]) -> None:
    client.connect(*servers)
    client.await_begun()
    client.process.send_signal(signal.SIGTERM)
    assert heard(client.said()).allowed[0].tries > 0


def test_without_a_target_it_says_so(tmp_path: Path) -> None:
    client = Client(tmp_path, lifetime=0)
    assert client.process.wait(60) == 1
    with pytest.raises(ValueError, match="it had no target: the other pod did not run"):
        heard(client.message.read_text())


def test_each_family_has_an_allowed_and_a_denied_target() -> None:
    text = targets_text({"IPv4": "10.1.0.1", "IPv6": "fd00::1"})
    assert [line.split()[::2] for line in text.splitlines()] == [
        ["10.1.0.1", "allowed"],
        ["10.1.0.1", "denied"],
        ["fd00::1", "allowed"],
        ["fd00::1", "denied"],
    ]
