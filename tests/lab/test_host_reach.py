# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real hosts reach of each other, with a firewall on one of them and a port taken on another."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ReachReport
from pydantic import TypeAdapter

from tests.lab.hosts import Host, HostSet, HostSpec

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root")

# A listener of somebody else's, which says nothing to whoever connects.
TAKES_A_PORT = (
    "import socket, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
    "s.bind(('0.0.0.0', {port})); s.listen(5); open('/tmp/taken', 'w').close(); time.sleep(600)"
)
DROPS = """
table inet reach {
  chain input {
    type filter hook input priority 0; policy accept;
    udp dport 4789 drop
  }
}
"""
SETTINGS = {
    "precheck_reach": True,
    "precheck_encapsulation": "vxlan",
    "precheck_bgp": True,
    "precheck_fail_on": "never",
}
SETTINGS["precheck_reach_probe_seconds"] = 2


DROPS_IPV6 = """
table inet reach {
  chain input {
    type filter hook input priority 0; policy accept;
    meta nfproto ipv6 tcp dport 179 drop
  }
}
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    made = HostSet(tmp_path_factory.mktemp("reach"), [HostSpec(f"reach-{number}", dual_stack=True) for number in (1, 2, 3)])
    made.start()
    try:
        yield made
    finally:
        made.stop()


def reached(hosts: HostSet, directory: Path, **variables: Any) -> dict[str, Any]:
    inventory = directory / "inventory.yml"
    inventory.write_text(yaml.safe_dump(hosts.inventory()))
    given = {**SETTINGS, "precheck_report_dir": str(directory), **variables}
    ended = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "calico_ops.rollout.precheck", "-e", json.dumps(given)],
        env={**os.environ, "ANSIBLE_PIPELINING": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "precheck_reach_token" not in ended.stdout
    report: dict[str, Any] = json.loads((directory / "reach.json").read_text())
    TypeAdapter(ReachReport).validate_python(report, strict=True)
    return report


def traces(host: Host) -> dict[str, str]:
    """Sockets of any kind, and processes: what a listener would leave."""
    tables = ("tcp", "udp", "tcp6", "udp6", "raw", "unix")
    seen = {table: host.run(["cat", f"/proc/net/{table}"]).stdout for table in tables}
    return {
        # LISTEN, bound datagram and raw sockets; connections of SSH come and go.
        "tcp": " ".join(sorted(line.split()[1] for line in seen["tcp"].splitlines()[1:] if line.split()[3] == "0A")),
        "udp": " ".join(sorted(line.split()[1] for line in seen["udp"].splitlines()[1:])),
        "tcp6": " ".join(sorted(line.split()[1] for line in seen["tcp6"].splitlines()[1:] if line.split()[3] == "0A")),
        "udp6": " ".join(sorted(line.split()[1] for line in seen["udp6"].splitlines()[1:])),
        "raw": " ".join(sorted(line.split()[1] for line in seen["raw"].splitlines()[1:])),
        "unix": " ".join(word for word in seen["unix"].split() if "calico-ops" in word),
        "processes": host.run(["sh", "-c", "cat /proc/[0-9]*/comm | grep -c python || true"]).stdout,
    }


@contextlib.contextmanager
def shut(*hosts: Host, rules: str = DROPS) -> Iterator[None]:
    """These hosts drop what comes by VXLAN's port, or what other rules say."""
    with contextlib.ExitStack() as undo:
        for host in hosts:
            nft = ["nsenter", f"--target={host.pid}", "--net", "--", "nft"]
            subprocess.run([*nft, "--file", "-"], input=rules, text=True, check=True)
            undo.callback(subprocess.run, [*nft, "delete", "table", "inet", "reach"], check=True)
        yield


def test_hosts_with_open_ports_reach_each_other_and_keep_no_trace(hosts: HostSet, tmp_path: Path) -> None:
    before = {host.name: traces(host) for host in hosts.hosts}
    report = reached(hosts, tmp_path)
    assert report["targets"] == ["tcp/179", "tcp/5473", "udp/4789"]
    assert (report["outcome"], report["probes"], report["reached"]) == ("passed", 18, 18)
    assert {host.name: traces(host) for host in hosts.hosts} == before


def test_ip_in_ip_is_proven_by_a_packet_of_its_own(hosts: HostSet, tmp_path: Path) -> None:
    report = reached(hosts, tmp_path, precheck_reach_targets=["ip/4"])
    assert (report["targets"], report["probes"], report["reached"]) == (["ip/4"], 6, 6)


def test_a_firewall_is_found_with_the_host_that_has_it_and_the_port(hosts: HostSet, tmp_path: Path) -> None:
    with shut(hosts.host("reach-2")):
        report = reached(hosts, tmp_path)
    (finding,) = report["findings"]
    assert (finding["target"], finding["outcome"], finding["destinations"]) == ("udp/4789", "timeout", ["reach-2"])
    assert finding["sources"] == ["reach-1", "reach-3"]
    assert report["outcome"] == "failed"


def test_hosts_of_both_families_are_asked_over_both_and_a_firewall_for_one_is_found(
    hosts: HostSet, tmp_path: Path
) -> None:
    before = {host.name: traces(host) for host in hosts.hosts}
    both = {"precheck_ipv6": True, "precheck_wireguard": True}
    with shut(hosts.host("reach-2"), rules=DROPS_IPV6):
        report = reached(hosts, tmp_path, **both)
    over_ipv4 = ["tcp/179", "tcp/5473", "udp/4789", "udp/51820"]
    assert report["targets"] == [*over_ipv4[:2], "tcp6/179", "tcp6/5473", *over_ipv4[2:], "udp6/4789", "udp6/51821"]
    (finding,) = report["findings"]
    assert (finding["target"], finding["outcome"], finding["destinations"]) == ("tcp6/179", "timeout", ["reach-2"])
    assert (report["probes"], report["reached"], report["not_provable"]) == (48, 46, 0)
    assert {host.name: traces(host) for host in hosts.hosts} == before


def test_a_port_in_use_is_connected_to_and_left_alone(hosts: HostSet, tmp_path: Path) -> None:
    taken = hosts.host("reach-3")
    enter = ["nsenter", f"--target={taken.pid}", "--mount", "--net", "--pid", "--wd=/", "--"]
    squatter = subprocess.Popen([*enter, "/usr/bin/python3", "-c", TAKES_A_PORT.format(port=179)])
    try:
        deadline = time.monotonic() + 20
        while taken.run(["test", "-e", "/tmp/taken"]).returncode != 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        report = reached(hosts, tmp_path)
        assert squatter.poll() is None
    finally:
        squatter.kill()
        squatter.wait()
        taken.run(["rm", "-f", "/tmp/taken"])
    assert (report["outcome"], report["reached"], report["not_provable"]) == ("passed", 18, 0)


def test_a_listener_that_ended_early_proves_nothing_and_is_named(hosts: HostSet, tmp_path: Path) -> None:
    # Without an answer a host asks for two seconds, and the listeners have one.
    with shut(*hosts.hosts):
        report = reached(hosts, tmp_path, precheck_reach_seconds=1)
    assert report["ended_early"] == ["reach-1", "reach-2", "reach-3"]
    assert report["findings"] == []
    assert report["reached"] + report["not_provable"] == report["probes"]
