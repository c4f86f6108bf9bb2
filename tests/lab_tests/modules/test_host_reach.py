# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real hosts reach of each other, with a firewall on one of them and a port taken on another."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ReachReport
from pydantic import TypeAdapter

from tests.lab.hosts import Host, HostSet, HostSpec

pytestmark = [
    pytest.mark.ansible,
    pytest.mark.oldest_core,
    pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root"),
]

# A listener of somebody else's, which says nothing to whoever connects.
TAKES_A_PORT = (
    "import os, socket, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
    "s.bind(('0.0.0.0', {port})); s.listen(5); open('/tmp/taken', 'w').write(str(os.getpid())); "
    "time.sleep(600)"
)
KILLS_THE_LISTENER = """
import glob, os, signal, time
while True:
    unix = open("/proc/net/unix").read().splitlines()
    sockets = {f"socket:[{line.split()[6]}]" for line in unix if "@calico-ops-reach-" in line}
    for descriptor in glob.glob("/proc/[0-9]*/fd/*") if sockets else []:
        try:
            if os.readlink(descriptor) in sockets:
                pid = int(descriptor.split("/")[2])
                # The leader of its session is the child that has gone: what is left is the listener alone.
                if os.getsid(pid) != pid and os.stat(f"/proc/{pid}/fd/0").st_rdev == os.stat("/dev/null").st_rdev:
                    os.kill(pid, signal.SIGKILL)
                    raise SystemExit(0)
        except OSError:
            pass
    time.sleep(0.02)
"""
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
    "precheck_reach_probe_seconds": 2,
}


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
    made = HostSet(
        tmp_path_factory.mktemp("reach"), [HostSpec(f"reach-{number}", dual_stack=True) for number in (1, 2, 3)]
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Run(NamedTuple):
    code: int
    said: str
    report: dict[str, Any]


def play(hosts: HostSet, directory: Path, *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    inventory = directory / "inventory.yml"
    inventory.write_text(yaml.safe_dump(hosts.inventory()))
    given = {**SETTINGS, "precheck_report_dir": str(directory), **variables}
    ended = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "calico_ops.rollout.precheck", "-e", json.dumps(given), *options],
        env={**os.environ, "ANSIBLE_PIPELINING": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "precheck_reach_token" not in ended.stdout
    return ended


def run(hosts: HostSet, directory: Path, *options: str, **variables: Any) -> Run:
    ended = play(hosts, directory, *options, **variables)
    report: dict[str, Any] = json.loads((directory / "reach.json").read_text())
    TypeAdapter(ReachReport).validate_python(report, strict=True)
    return Run(ended.returncode, ended.stdout + ended.stderr, report)


def passed(hosts: HostSet, directory: Path, **variables: Any) -> dict[str, Any]:
    """The report of a run that ends with 0."""
    played = run(hosts, directory, **variables)
    assert (played.code, played.report["outcome"]) == (0, "passed"), played.said
    return played.report


def failed(hosts: HostSet, directory: Path, **variables: Any) -> dict[str, Any]:
    """The report of a run that its findings end, and nothing else."""
    played = run(hosts, directory, **variables)
    assert (played.code, played.report["outcome"]) == (2, "failed"), played.said
    assert played.said.count("fatal: ") == 1
    assert played.report["reason"] in played.said
    return played.report


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


@contextlib.contextmanager
def killed_listener(host: Host) -> Iterator[None]:
    """Somebody ends the host's listener as soon as there is one."""
    enter = ["nsenter", f"--target={host.pid}", "--mount", "--net", "--pid", "--wd=/", "--"]
    killer = subprocess.Popen([*enter, "/usr/bin/python3", "-c", KILLS_THE_LISTENER])
    try:
        yield
        assert killer.wait(timeout=1) == 0
    finally:
        killer.kill()
        killer.wait()


def test_hosts_with_open_ports_reach_each_other_and_keep_no_trace(hosts: HostSet, tmp_path: Path) -> None:
    before = {host.name: traces(host) for host in hosts.hosts}
    report = passed(hosts, tmp_path)
    assert report["targets"] == ["tcp/179", "tcp/5473", "udp/4789"]
    assert (report["probes"], report["reached"]) == (18, 18)
    assert {host.name: traces(host) for host in hosts.hosts} == before


def test_ip_in_ip_is_proven_by_a_packet_of_its_own(hosts: HostSet, tmp_path: Path) -> None:
    report = passed(hosts, tmp_path, precheck_reach_targets=["ip/4"])
    assert (report["targets"], report["probes"], report["reached"]) == (["ip/4"], 6, 6)


def test_a_firewall_is_found_with_the_host_that_has_it_and_the_port(hosts: HostSet, tmp_path: Path) -> None:
    with shut(hosts.host("reach-2")):
        report = failed(hosts, tmp_path)
    (finding,) = report["findings"]
    assert (finding["target"], finding["outcome"], finding["destinations"]) == ("udp/4789", "timeout", ["reach-2"])
    assert finding["sources"] == ["reach-1", "reach-3"]
    cases = ET.parse(tmp_path / "reach.xml").iterfind("testsuite[@name='reachability']/testcase")  # noqa: S314 - our own
    assert {case.get("name"): [one.tag for one in case] for case in cases} == {
        "reach-1": [],
        "reach-2": ["failure"],
        "reach-3": [],
    }


def test_what_was_found_fails_no_play_that_is_to_report_alone(hosts: HostSet, tmp_path: Path) -> None:
    with shut(hosts.host("reach-2")):
        played = run(hosts, tmp_path, precheck_fail_on="never")
    assert (played.code, played.report["outcome"]) == (0, "failed")


def test_hosts_of_both_families_are_asked_over_both_and_a_firewall_for_one_is_found(
    hosts: HostSet, tmp_path: Path
) -> None:
    before = {host.name: traces(host) for host in hosts.hosts}
    both = {"precheck_ipv6": True, "precheck_wireguard": True}
    with shut(hosts.host("reach-2"), rules=DROPS_IPV6):
        # A kernel without WireGuard fails the precheck.
        played = run(hosts, tmp_path, precheck_fail_on="never", **both)
    report = played.report
    assert (played.code, report["outcome"]) == (0, "failed"), played.said
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
        while taken.run(["test", "-s", "/tmp/taken"]).returncode != 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # The precheck has its own word on who has BGP's port.
        report = passed(hosts, tmp_path, precheck_fail_on="never")
        assert squatter.poll() is None
    finally:
        # It is a child of nsenter, which would not take it along.
        taken.run(["sh", "-c", "kill $(cat /tmp/taken); rm -f /tmp/taken"])
        squatter.wait(timeout=20)
    assert (report["reached"], report["not_provable"]) == (18, 0)


@pytest.mark.parametrize(("fail_on", "code"), [("fail", 2), ("never", 0)])
def test_a_run_whose_listeners_ended_early_is_not_proven(
    hosts: HostSet, tmp_path: Path, fail_on: str, code: int
) -> None:
    with killed_listener(hosts.host("reach-2")):
        played = run(hosts, tmp_path, precheck_fail_on=fail_on)
    assert (played.code, played.report["outcome"]) == (code, "not_proven"), played.said
    assert (played.report["ended_early"], played.report["findings"]) == (["reach-2"], [])
    assert played.report["reached"] + played.report["not_provable"] == played.report["probes"]


def test_a_host_alone_is_told_that_nothing_was_asked(hosts: HostSet, tmp_path: Path) -> None:
    played = run(hosts, tmp_path, "--limit", "reach-1")
    assert (played.code, played.report["outcome"], played.report["probes"]) == (0, "not_asked", 0), played.said
    assert "Result: nothing was asked: 1 host took part, and it takes two." in played.said


def test_check_mode_says_that_nothing_was_asked(hosts: HostSet, tmp_path: Path) -> None:
    played = play(hosts, tmp_path, "--check")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "Result: nothing was asked: check mode neither listens nor sends." in played.stdout


@contextlib.contextmanager
def narrow_link(hosts: HostSet, name: str, mtu: int) -> Iterator[None]:
    """What connects this host with the others carries less than the interfaces at both ends say, and loses what is larger."""
    assert hosts.bridge is not None
    port = hosts.bridge.port([host.name for host in hosts.hosts].index(name))
    subprocess.run(["ip", "link", "set", "dev", port, "mtu", str(mtu)], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", "dev", port, "mtu", "1500"], check=True)


def test_a_link_that_is_narrower_than_the_interfaces_say_is_found_between_those_hosts_alone(tmp_path: Path) -> None:
    # Hosts of its own: SSH connections from before would go on with segments that the link does not carry.
    hosts = HostSet(tmp_path, [HostSpec(f"reach-{number}", dual_stack=True) for number in (1, 2, 3)])
    hosts.start()
    targets = ["ip/4", "tcp/5473", "udp/4789", "udp6/4789"]
    try:
        with narrow_link(hosts, "reach-3", 1400):
            report = failed(hosts, tmp_path, precheck_ipv6=True, precheck_reach_targets=targets)
        interfaces = {host.run(["cat", "/sys/class/net/eth0/mtu"]).stdout.strip() for host in hosts.hosts}
    finally:
        hosts.stop()
    assert interfaces == {"1500"}
    found = {
        (finding["target"], finding["outcome"], finding["packet"], *finding["sources"], "to", *finding["destinations"])
        for finding in report["findings"]
    }
    assert found == {
        (target, "too_big", 1500, *pairs)
        for target in ("ip/4", "udp/4789", "udp6/4789")
        for pairs in (("reach-1", "reach-2", "to", "reach-3"), ("reach-3", "to", "reach-1", "reach-2"))
    }
    # Over TCP all, and all targets between the two others.
    assert (report["probes"], report["reached"]) == (24, 12)


ROUTER = {
    "net.ipv4.ip_forward": "1",
    # Or it would tell reach-1 that reach-2 is right beside it.
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
}


def test_a_router_that_would_cut_whole_packets_is_found_on_the_one_way_that_goes_by_it(tmp_path: Path) -> None:
    """It would forward fragments of what may be cut, and reach-2 would put them together and answer."""
    specs = [HostSpec("reach-1"), HostSpec("reach-2"), HostSpec("router", sysctls=ROUTER)]
    hosts = HostSet(tmp_path, specs)
    hosts.start()
    try:
        source, far, router = hosts.hosts
        for host, route in ((source, ["via", router.address]), (router, ["dev", "eth0", "mtu", "1400"])):
            assert host.run(["ip", "route", "add", far.address, *route]).returncode == 0
        report = failed(hosts, tmp_path, precheck_reach_targets=["udp/4789", "ip/4"])
    finally:
        hosts.stop()
    assert [
        (finding["target"], finding["outcome"], finding["sources"], finding["destinations"])
        for finding in report["findings"]
    ] == [("ip/4", "too_big", ["reach-1"], ["reach-2"]), ("udp/4789", "too_big", ["reach-1"], ["reach-2"])]
    assert (report["probes"], report["reached"]) == (12, 10)


def test_a_narrow_link_is_wide_enough_where_the_installation_says_so(tmp_path: Path) -> None:
    hosts = HostSet(tmp_path, [HostSpec(f"reach-{number}") for number in (1, 2)])
    hosts.start()
    try:
        with narrow_link(hosts, "reach-2", 1400):
            report = passed(hosts, tmp_path, precheck_mtu=1350, precheck_reach_targets=["udp/4789"])
    finally:
        hosts.stop()
    assert (report["probes"], report["reached"]) == (2, 2)
