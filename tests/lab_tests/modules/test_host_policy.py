# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calico's chains on a host's real kernel, written as Felix writes them, and one of them taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.environment import collection
from tests.lab.hosts import Host, HostSet, HostSpec

pytestmark = [
    pytest.mark.ansible,
    pytest.mark.oldest_core,
    pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root"),
]

FIRST, SECOND = "cali0000000000a", "cali0000000000b"
"""The longest names that a Linux interface may have; they differ in the last letter."""


class Backend(NamedTuple):
    table: str
    layer: str
    base: str
    families: tuple[str, ...]
    named: dict[str, str]


NFTABLES = Backend("calico", "filter-", "filter-FORWARD", ("ip", "ip6"), {"IPv4": "nftables", "IPv6": "nftables"})
IPTABLES = Backend("filter", "", "FORWARD", ("ip",), {"IPv4": "iptables-nft"})
BACKENDS = pytest.mark.parametrize("backend", [NFTABLES, IPTABLES], ids=["nftables", "iptables-nft"])


def ruleset(backend: Backend, family: str) -> str:
    """As Felix writes it: dispatch by a verdict map in data plane nftables, by rules of a child chain in iptables."""
    layer, map_of = backend.layer, f"{backend.layer}cali-{{way}}-wl-dispatch"
    lines = [f"add table {family} {backend.table}"]

    def chain(name: str, *rules: str, base: str = "") -> None:
        lines.append(f"add chain {family} {backend.table} {name} {base}")
        lines.extend(f"add rule {family} {backend.table} {name} {rule}" for rule in rules)

    address = "ipv4_addr" if family == "ip" else "ipv6_addr"
    lines.append(f"add set {family} {backend.table} cali40s-policy {{ type {address}; }}")
    chain(f"{layer}cali-pi-policy", f"{family} saddr @cali40s-policy meta mark set 0x10000")
    for prefix in ("fw", "tw"):
        for name in (FIRST, SECOND):
            chain(
                f"{layer}cali-{prefix}-{name}",
                "ct state established,related accept",
                f"jump {layer}cali-pi-policy",
                "drop",
            )
    for way, meta, prefix in (("from", "iifname", "fw"), ("to", "oifname", "tw")):
        gotos = {name: f"{layer}cali-{prefix}-{name}" for name in (FIRST, SECOND)}
        dispatch = map_of.format(way=way)
        if layer:
            lines.append(f"add map {family} {backend.table} {dispatch} {{ type ifname : verdict; }}")
            elements = ", ".join(f'"{name}" : goto {to}' for name, to in gotos.items())
            lines.append(f"add element {family} {backend.table} {dispatch} {{ {elements} }}")
            chain(dispatch, f"{meta} vmap @{dispatch}", "drop")
        else:
            chain(f"{dispatch}-0", *(f'{meta} "{name}" goto {to}' for name, to in gotos.items()), "drop")
            chain(dispatch, f'{meta} "cali0*" goto {dispatch}-0', "drop")
    chain(
        f"{layer}cali-FORWARD",
        f'iifname "cali*" jump {map_of.format(way="from")}',
        f'oifname "cali*" jump {map_of.format(way="to")}',
    )
    chain(backend.base, f"jump {layer}cali-FORWARD", base="{ type filter hook forward priority 0; policy accept; }")
    return "\n".join(lines) + "\n"


def told(host: Host, command: list[str], said: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(host.inside(command), input=said, capture_output=True, text=True, check=False)


def nft(host: Host, said: str) -> None:
    done = told(host, ["nft", "-f", "-"], said)
    assert done.returncode == 0, done.stderr


def evidence(hosts: HostSet, *, become: bool = True) -> dict[str, Any]:
    inventory = hosts.state_dir / "inventory.json"
    inventory.write_text(json.dumps(hosts.inventory()))
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(hosts.state_dir / "home"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0",
        "ANSIBLE_COLLECTIONS_PATH": str(collection.linked()),
    }
    command = [str(Path(sys.executable).with_name("ansible")), "-i", str(inventory), "all", "--one-line"]
    command += ["-m", "calico_ops.rollout.host_policy", *(["--become"] if become else [])]
    done = subprocess.run(command, env=environment, cwd=hosts.state_dir, capture_output=True, text=True, check=False)
    _head, arrow, answer = done.stdout.partition(" => ")
    assert arrow, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(answer)
    return found


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    made = HostSet(tmp_path_factory.mktemp("policy"), [HostSpec("policy-1", dual_stack=True)])
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def host(hosts: HostSet) -> Iterator[Host]:
    """The host with two workload interfaces and without rules."""
    (one,) = hosts.hosts
    for number, name in enumerate((FIRST, SECOND), start=1):
        for command in (
            ["link", "add", name, "type", "veth", "peer", "name", f"pod{number}"],
            ["link", "set", name, "up"],
            ["link", "set", f"pod{number}", "up"],
            ["route", "add", f"10.244.9.{number}", "dev", name],
        ):
            assert told(one, ["ip", *command]).returncode == 0, command
    yield one
    for name in (FIRST, SECOND):
        told(one, ["ip", "link", "delete", name])
    nft(one, "flush ruleset\n")


def missing(found: dict[str, Any]) -> dict[str, list[str]]:
    return {name: one["missing"] for name, one in found["interfaces"].items() if one["verdict"] == "missing"}


@BACKENDS
def test_chains_as_felix_writes_them_are_found_and_left_as_they_are(
    hosts: HostSet, host: Host, backend: Backend
) -> None:
    for family in backend.families:
        nft(host, ruleset(backend, family))
    before = told(host, ["nft", "list", "ruleset"]).stdout
    found = evidence(hosts)
    assert found["verdict"] == "present", found
    assert {name: one["backends"] for name, one in found["interfaces"].items()} == {
        FIRST: backend.named,
        SECOND: backend.named,
    }
    assert told(host, ["nft", "list", "ruleset"]).stdout == before


@BACKENDS
def test_an_interface_that_is_dispatched_no_more_is_named_and_the_other_is_not(
    hosts: HostSet, host: Host, backend: Backend
) -> None:
    for family in backend.families:
        nft(host, ruleset(backend, family))
    chain = f"{backend.layer}cali-tw-{SECOND}"
    if backend is NFTABLES:
        nft(host, f'delete element ip calico filter-cali-to-wl-dispatch {{ "{SECOND}" }}\n')
    else:
        nft(
            host,
            f"flush chain ip filter cali-to-wl-dispatch-0\nadd rule ip filter cali-to-wl-dispatch-0 "
            f'oifname "{FIRST}" goto cali-tw-{FIRST}\n',
        )
    reason = f"IPv4: {backend.named['IPv4']}: no rule leads packets to the workload to chain {chain}"
    assert missing(evidence(hosts)) == {SECOND: [reason]}


def test_a_chain_that_was_removed_or_flushed_is_named(hosts: HostSet, host: Host) -> None:
    nft(host, ruleset(NFTABLES, "ip"))
    nft(
        host,
        f'delete element ip calico filter-cali-from-wl-dispatch {{ "{FIRST}" }}\n'
        f"delete chain ip calico filter-cali-fw-{FIRST}\nflush chain ip calico filter-cali-tw-{SECOND}\n",
    )
    assert missing(evidence(hosts)) == {
        FIRST: [f"IPv4: nftables: there is no chain filter-cali-fw-{FIRST}, for packets from the workload"],
        SECOND: [f"IPv4: nftables: no rule of chain filter-cali-tw-{SECOND} drops what no policy allowed"],
    }


def test_ipv6_without_chains_is_missing_for_the_interface_that_has_a_route(hosts: HostSet, host: Host) -> None:
    nft(host, ruleset(NFTABLES, "ip"))
    assert told(host, ["ip", "-6", "route", "add", "fd00:9::1", "dev", FIRST]).returncode == 0
    assert missing(evidence(hosts)) == {FIRST: ["IPv6: no table has chains of Calico's"]}


def test_a_flushed_host_says_so_for_all_interfaces(hosts: HostSet, host: Host) -> None:
    nft(host, ruleset(IPTABLES, "ip") + "flush table ip filter\n")
    found = evidence(hosts)
    assert (found["verdict"], set(missing(found))) == ("missing", {FIRST, SECOND})


def test_the_kernel_keeps_a_set_while_a_rule_refers_to_it(host: Host) -> None:
    nft(host, ruleset(NFTABLES, "ip"))
    done = told(host, ["nft", "delete", "set", "ip", "calico", "cali40s-policy"])
    assert done.returncode != 0
    assert "busy" in done.stderr


def test_without_become_nothing_is_known_and_nothing_is_missing(hosts: HostSet, host: Host) -> None:
    nft(host, ruleset(NFTABLES, "ip"))
    found = evidence(hosts, become=False)
    assert (found["verdict"], missing(found)) == ("unreadable", {})
    assert "nf_tables cannot be read" in found["sentence"]
