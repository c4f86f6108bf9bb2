# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that really have a fault, each checked over SSH beside one that has none; and hosts that are well in every way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE

from tests.lab.faulty_hosts import FAULTY, NO_HOST_HAS
from tests.lab.faulty_hosts.declared import BPF
from tests.lab.faulty_hosts.healthy import HEALTHY
from tests.lab.hosts import HostSet, HostSpec, Refusal
from tests.lab.prechecks import Answers, api_server_on, over_ssh, statuses

pytestmark = [pytest.mark.ansible, pytest.mark.skipif(os.geteuid() != 0, reason="the hosts of the lab need root")]

SPECS = {**{name: spec for name, (spec, _ways) in HEALTHY.items()}, **{name: one.spec for name, one in FAULTY.items()}}
ASKED = dict.fromkeys(
    [
        *((settings, name) for name, (_spec, ways) in HEALTHY.items() for settings in ways),
        *((one.settings, one.beside) for one in FAULTY.values()),
        *((one.settings, name) for name, one in FAULTY.items()),
    ]
)
"""The settings with every host that is checked by them."""
AT_ONCE = 32
"""Hosts of a set: the kernel has one table of neighbours for all of them."""


HIDDEN = HostSpec(
    "modules-hidden",
    files={"/nix/store/kmod/bin/modprobe": ""},
    shown={"/proc/modules": "ext4 1 1 - Live 0x0\n", "/proc/sys/kernel/modprobe": "/nix/store/kmod/bin/modprobe\n"},
)
"""Its kernel has modules, and a program of its own that knows where they are."""


def sets() -> Iterator[tuple[str, list[str]]]:
    for settings in dict.fromkeys(settings for settings, _name in ASKED):
        names = [name for way, name in ASKED if way == settings]
        for start in range(0, len(names), AT_ONCE):
            yield settings, names[start : start + AT_ONCE]


class Fleet:
    """Starts a set of hosts when the first of them is asked about, checks all of them in one call and ends them again."""

    def __init__(self, new_directory: Callable[[str], Path]) -> None:
        self._new_directory = new_directory
        self._found: dict[tuple[str, str], dict[str, Any]] = {}

    def document(self, settings: str, name: str) -> dict[str, Any]:
        if (settings, name) not in self._found:
            names = next(names for way, names in sets() if way == settings and name in names)
            for host, answer in self._asked(settings, names).items():
                self._found[settings, host] = answer["precheck"]
        return self._found[settings, name]

    def told(self, settings: str, name: str) -> dict[str, str]:
        """Every check that was made but those that find fault with the machine."""
        found = statuses(self.document(settings, name))
        return {check: status for check, status in found.items() if check not in NO_HOST_HAS}

    def _asked(self, settings: str, names: list[str]) -> Answers:
        hosts = HostSet(self._new_directory("lab"), [SPECS[name] for name in names])
        hosts.start()
        try:
            further = f"apiserver={api_server_on(hosts.hosts[0])} controller_clock={time.time()}"
            return over_ssh(hosts, "--become", settings=f"{settings} {further}")
        finally:
            hosts.stop()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return Fleet(tmp_path_factory.mktemp)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    specs = [SPECS["plain"], SPECS["cut-off"], HostSpec("bpf-forbidden", refused=[Refusal("bpf", "EPERM")]), HIDDEN]
    started = HostSet(tmp_path_factory.mktemp("lab"), specs)
    started.start()
    yield started
    started.stop()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param(name, way, id=f"{name}-{number}")
        for name, (_spec, ways) in HEALTHY.items()
        for number, way in enumerate(ways)
    ],
)
def test_a_healthy_host_has_no_finding_at_all(fleet: Fleet, name: str, settings: str) -> None:
    document = fleet.document(settings, name)
    findings = [one for one in document["findings"] if one["id"] not in NO_HOST_HAS]
    assert [(one["id"], one["message"], one["observed"]) for one in findings] == []
    assert document["verdict"] == "pass"


@pytest.mark.parametrize("name", FAULTY)
def test_the_fault_of_a_host_is_told(fleet: Fleet, name: str) -> None:
    one = FAULTY[name]
    found, beside = (fleet.told(one.settings, host) for host in (name, one.beside))
    assert {check: found[check] for check in one.told} == one.told
    assert {check: beside[check] for check in one.told} == dict.fromkeys(one.told, "ok")


@pytest.mark.parametrize("name", FAULTY)
def test_nothing_else_is_told_of_a_host_with_a_fault(fleet: Fleet, name: str) -> None:
    one = FAULTY[name]
    found, beside = (fleet.told(one.settings, host) for host in (name, one.beside))
    assert {check: status for check, status in found.items() if status != beside.get(check)} == one.told


def test_every_check_has_a_host_that_it_finds_fault_with_or_a_reason_why_there_is_none() -> None:
    found_fault = {check for one in FAULTY.values() for check in one.told}
    assert sorted([*found_fault, *NO_HOST_HAS]) == sorted(check.id for check in CATALOGUE)


def test_bpf_that_may_not_be_asked_about_is_skipped_and_no_pass(hosts: HostSet) -> None:
    document = over_ssh(hosts, "--become", settings=BPF, only=["bpf-forbidden"])["bpf-forbidden"]["precheck"]
    findings = {one["id"]: one for one in document["findings"]}
    assert findings["bpf_supported"]["status"] == "skipped"
    assert "needs become (CAP_BPF" in findings["bpf_supported"]["message"]
    assert document["verdict"] == "fail"


def test_where_modules_may_be_loaded_from_a_place_that_nobody_knows_nothing_is_asked_that_might(hosts: HostSet) -> None:
    document = over_ssh(hosts, "--become", settings="encapsulation=vxlan", only=["modules-hidden"])["modules-hidden"][
        "precheck"
    ]
    findings = {one["id"]: one for one in document["findings"]}
    assert {findings[check]["status"] for check in ("ipset_functional", "vxlan_link_create", "veth_create")} == {
        "skipped"
    }
    assert "at no place that is known" in findings["vxlan_link_create"]["message"]
    assert "allow_module_load: true" in findings["vxlan_link_create"]["remedy"]
    assert (document["verdict"], document["modules_loaded"]) == ("fail", [])
    allowed = over_ssh(
        hosts, "--become", settings="encapsulation=vxlan allow_module_load=true", only=["modules-hidden"]
    )
    assert statuses(allowed["modules-hidden"]["precheck"])["vxlan_link_create"] == "ok"


def test_who_may_not_ask_the_kernel_is_told_so(hosts: HostSet) -> None:
    found = [over_ssh(hosts, *become, only=["plain"])["plain"]["precheck"] for become in ([], ["--become"])]
    assert [statuses(document)["capabilities_root"] for document in found] == ["skipped", "ok"]


def test_where_there_will_be_no_kube_proxy_the_way_to_the_api_server_must_be_open(hosts: HostSet) -> None:
    settings = f"{BPF} apiserver={api_server_on(hosts.host('plain'))}"
    found = over_ssh(hosts, "--become", settings=settings, only=["plain", "cut-off"])
    by_name = {name: statuses(answer["precheck"])["apiserver_reachable"] for name, answer in found.items()}
    assert by_name == {"plain": "ok", "cut-off": "fail"}


@pytest.mark.parametrize("port", [22, 1])
def test_what_takes_connections_without_tls_is_no_api_server(hosts: HostSet, port: int) -> None:
    """sshd does; at the other port nobody is."""
    found = over_ssh(hosts, "--become", settings=f"apiserver={hosts.host('cut-off').address}:{port}", only=["plain"])
    assert statuses(found["plain"]["precheck"])["apiserver_reachable"] == "warn"
