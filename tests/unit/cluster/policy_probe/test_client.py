# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that runs in a pod sees what becomes of connections, phase by phase, and reports it within 4096 bytes."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.client import (
    CLIENT,
    MOST,
    WAITER,
    ClientReport,
    Target,
    client_arguments,
    client_report,
    dns_kind,
    targets_text,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe.cluster_dns import (
    question_for,
)

from tests.lab.eventually import eventually

from .programs import BASH, Program, Server, needs_bash

pytestmark = needs_bash


class HostServer(Server):
    """It says from which port a question came, as agnhost's `clientip` does."""

    port_seen: int | None = None
    """What it says in place of the real one."""

    def _answer(self, _data: bytes, source: tuple[str, int]) -> bytes:
        return f"{source[0]}:{self.port_seen or source[1]}".encode()


class DnsServer(Server):
    """It knows no name, and numbers its answer as the question was."""

    asked: bytes = b""
    renumbers = False

    def _answer(self, data: bytes, _source: tuple[str, int]) -> bytes:
        self.asked = data
        number = b"\xff\xff" if self.renumbers else data[:2]
        return number + b"\x81\x83" + data[4:]


class Client(Program):
    def __init__(self, folder: Path, lifetime: int = 60) -> None:
        super().__init__(folder, CLIENT, client_arguments(lifetime)[3:])

    def try_targets(self, *targets: Target) -> None:
        self.tell("targets", targets_text(targets))

    def end_phase(self, number: int) -> None:
        self.tell("over", f"{number}\n")

    def await_phase(self, name: str) -> None:
        eventually((self.state / name).exists, 60)

    def report(self) -> ClientReport:
        return client_report(self.said())


@pytest.fixture
def server() -> Iterator[HostServer]:
    made = HostServer()
    yield made
    made.socket.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.kill()


def fates(report: ClientReport, place: int) -> Sequence[str]:
    return [run.fate for run in report.runs[place]]


def test_a_client_sees_phase_after_phase(client: Client, server: HostServer) -> None:
    client.try_targets(Target("127.0.0.1", server.port, "UDP", "ADDA"), Target("127.0.0.1", server.port, "UDP", "ADDA"))
    client.await_phase("open")
    server.answers = False
    client.await_phase("default_deny")
    client.await_phase("precise_allow")
    assert client.process.poll() is None
    server.answers = True
    report = client.report()
    assert report.settled
    assert fates(report, 0) == fates(report, 1) == ["answered", "dropped", "answered"]
    assert report.tries == sum(run.tries for runs in report.runs.values() for run in runs)


def test_a_fate_is_what_the_other_end_did(client: Client, server: HostServer) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    # A listener whose queue is full drops the next SYN.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = socket.create_connection(full.getsockname())
    closed = socket.create_server(("127.0.0.1", 0))
    nobody = closed.getsockname()[1]
    closed.close()
    ports = [(listener.getsockname()[1], "TCP"), (full.getsockname()[1], "TCP"), (nobody, "TCP"), (nobody, "UDP")]
    client.try_targets(
        *(Target("127.0.0.1", port, kind, wanted * 4) for (port, kind), wanted in zip(ports, "ADRR")),
        Target("::1", nobody, "TCP", "RRRR"),
    )
    client.await_phase("precise_allow")
    client.end_phase(4)
    report = client.report()
    seen = [set(fates(report, place)) for place in range(5)]
    assert seen == [{"answered"}, {"dropped"}, {"refused"}, {"refused"}, {"refused"}]
    for each in (waiting, listener, full):
        each.close()


def test_an_answer_to_a_port_that_was_used_before_is_no_evidence(client: Client, server: HostServer) -> None:
    """A firewall lets through what belongs to a flow that it has let through; UDP chooses its ports at random."""
    server.port_seen = 40000
    client.try_targets(Target("127.0.0.1", server.port, "UDP", "AAAA"))
    eventually(lambda: len(list(client.state.glob("said*"))) > 20, 60)
    client.end_phase(4)
    assert client.report().tries == 1


QUESTIONS = pytest.mark.parametrize("address", ["10.96.0.10", "fd00:10:96::a"])


@QUESTIONS
def test_a_question_of_dns_goes_out_whole_and_its_answer_counts(client: Client, address: str) -> None:
    server, question = DnsServer(), question_for(address)
    client.try_targets(Target("127.0.0.1", server.port, dns_kind(question), "ADAA"))
    client.await_phase("open")
    server.answers = False
    client.await_phase("default_deny")
    server.answers = True
    client.await_phase("precise_allow")
    client.end_phase(4)
    assert fates(client.report(), 0) == ["answered", "dropped", "answered"]
    assert server.asked[2:] == question
    server.socket.close()


def test_an_answer_to_another_question_of_dns_is_no_evidence(client: Client) -> None:
    server = DnsServer()
    server.renumbers = True
    client.try_targets(Target("127.0.0.1", server.port, dns_kind(question_for("10.96.0.10")), "ADAA"))
    server.more(20)
    client.end_phase(4)
    assert client.report().tries == 0
    server.socket.close()


def test_a_client_goes_on_without_a_target_that_does_not_settle(client: Client, server: HostServer) -> None:
    stuck = HostServer(answers=False)
    client.try_targets(Target("127.0.0.1", server.port, "UDP", "ADDA"), Target("127.0.0.1", stuck.port, "UDP", "ADDA"))
    eventually(lambda: len(list(client.state.glob("said*"))) > 20, 60)
    assert not (client.state / "open").exists()
    client.end_phase(1)
    client.await_phase("open")
    server.answers = False
    client.await_phase("precise_allow")
    server.answers = True
    report = client.report()
    assert fates(report, 0) == ["answered", "dropped", "answered"]
    assert fates(report, 1) == ["dropped"]
    stuck.socket.close()


def test_a_client_reports_when_its_lifetime_is_over(tmp_path: Path, server: HostServer) -> None:
    client = Client(tmp_path, lifetime=4)
    client.try_targets(Target("127.0.0.1", server.port, "UDP", "ADDA"))
    report = client.report()
    assert not report.settled
    assert fates(report, 0) == ["answered"]


def test_a_report_fits_into_a_termination_message(client: Client, server: HostServer) -> None:
    client.try_targets(*(Target("127.0.0.1", server.port, "UDP", "ADDA") for _time in range(60)))
    client.await_phase("open")
    client.end_phase(4)
    client.report()
    assert len(client.message.read_bytes()) <= MOST


def test_a_report_that_was_cut_says_of_what() -> None:
    report = client_report("1 1000000 3000000 9 settled\n0 A0-10x2 D20-30x2 A4 !\n1 A0-10x2 \n")
    assert report.cut == {0}
    assert [(run.first, run.last, run.fate, run.tries) for run in report.runs[0]] == [
        (1.0, 1.01, "answered", 2),
        (1.02, 1.03, "dropped", 2),
    ]


@pytest.mark.parametrize("message", ["", "bash 4.4 has no EPOCHREALTIME: an image with bash 5.0 or newer is needed"])
def test_what_is_no_report_is_not_taken_for_one(message: str) -> None:
    with pytest.raises(ValueError, match=f"no report: {message}"):
        client_report(message)


def test_a_waiter_ends_when_its_phase_has_settled(tmp_path: Path) -> None:
    message = tmp_path / "message"
    waiter = subprocess.Popen([BASH, "-c", WAITER, "waiter", str(message), str(tmp_path), "open", "60"])
    assert waiter.poll() is None
    (tmp_path / "open").touch()
    assert waiter.wait(60) == 0
    assert message.read_text().isdigit()
