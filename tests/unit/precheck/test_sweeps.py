# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a host say about its settings, services, runtime and hardening is read as it is meant."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import (
    attribute,
    text,
    u32,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import (
    files,
    machine,
    routes,
    runtime,
    security,
    services,
    sysctls,
)

from tests.unit.precheck.kernels import rule
from tests.unit.precheck.trees import RELEASE, tree


def fact(name: str, base: Path, contents: dict[str, str]) -> Any:
    return dict(files.questions(tree(base, contents), RELEASE, "/etc/cni/net.d", ["/opt/cni/bin"]))[name]()


def test_settings_are_read_and_those_that_the_kernel_does_not_have_are_null(tmp_path: Path) -> None:
    contents = {"/proc/sys/net/ipv4/ip_forward": "1\n", "/proc/sys/net/ipv4/conf/eth0/rp_filter": "2\n"}
    found = sysctls.values(tree(tmp_path, contents))
    assert (found["net.ipv4.ip_forward"], found["net.bridge.bridge-nf-call-iptables"]) == ("1", None)
    assert found["net/ipv4/conf/eth0/rp_filter"] == "2"


def test_the_links_of_pods_are_not_asked_one_by_one(tmp_path: Path) -> None:
    found = sysctls.values(tree(tmp_path, {"/proc/sys/net/ipv4/conf/cali12/rp_filter": "1\n"}))
    assert [name for name in found if "cali12" in name] == []


def test_of_the_files_that_set_something_the_last_by_name_wins_and_etc_hides_the_others(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "/usr/lib/sysctl.d/50-default.conf": "net.ipv4.ip_forward = 0\nnet.ipv4.conf.all.rp_filter=2\n",
            "/etc/sysctl.d/50-default.conf": "# net.ipv4.ip_forward = 0\n",
            "/etc/sysctl.d/60-cis.conf": "net.ipv4.ip_forward=0\n",
            "/etc/sysctl.d/99-k8s.conf": "net/ipv4/ip_forward = 1\n",
        },
    )
    assert sysctls.assignments(root) == {"net.ipv4.ip_forward": ("1", "/etc/sysctl.d/99-k8s.conf")}


def test_the_old_file_of_settings_comes_last(tmp_path: Path) -> None:
    root = tree(tmp_path, {"/etc/sysctl.d/99-x.conf": "a.b = 1\n", "/etc/sysctl.conf": "-a.b = 0\n"})
    assert sysctls.assignments(root) == {"a.b": ("0", "/etc/sysctl.conf")}


def message(to: str, length: int, **numbers: int) -> bytes:
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    table = numbers.get("table", 254)
    head = struct.pack("=BBBBBBBBI", family, length, 0, 0, min(table, 252), numbers.get("protocol", 4), 0, 1, 0)
    destination = attribute(1, socket.inet_pton(family, to)) if length else b""
    return head + destination + u32(4, 7) + u32(15, table)


def test_a_route_is_read_from_its_message() -> None:
    assert routes.parse_route(message("192.168.7.0", 26, table=300, protocol=80)) == {
        "ipv6": False,
        "to": "192.168.7.0/26",
        "from": None,
        "link": 7,
        "hops": [],
        "metric": 0,
        "table": 300,
        "protocol": 80,
        "unicast": True,
        "dead": False,
    }


def test_the_hops_the_metric_and_the_source_of_a_route_are_told() -> None:
    """struct rtnexthop: length, flags (1: its link is off), weight, link; then attributes of its own."""
    first, second = struct.pack("=HBBi", 16, 0, 0, 3) + u32(5, 1), struct.pack("=HBBi", 8, 1, 0, 4)
    found = routes.parse_route(message("10.0.0.0", 8)[:-16] + u32(6, 100) + attribute(9, first + second))
    assert (found["hops"], found["metric"], found["link"], found["dead"]) == ([3], 100, 3, False)
    assert routes.parse_route(message("10.0.0.0", 8)[:-16] + attribute(9, second))["dead"] is True
    head = struct.pack("=BBBBBBBBI", socket.AF_INET6, 0, 64, 0, 254, 3, 0, 1, 1)
    only = routes.parse_route(head + attribute(2, socket.inet_pton(socket.AF_INET6, "2001:db8::")))
    assert (only["from"], only["dead"]) == ("2001:db8::/64", True)


def test_the_thousands_of_routes_that_calico_makes_to_pods_do_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        message("192.168.7.0", 26, table=254, protocol=12),
        message("192.168.7.9", 32, table=254, protocol=80),
        message("10.0.0.9", 32, table=255, protocol=2),
        message("0.0.0.0", 0, table=254, protocol=12),
        message("192.168.7.0", 26, table=200, protocol=12),
        message("10.0.0.0", 8, table=254, protocol=2),
    ]
    monkeypatch.setattr(routes.network, "dump", lambda kind, body: told)
    assert [(one["to"], one["table"]) for one in routes.routes()] == [
        ("0.0.0.0/0", 254),
        ("192.168.7.0/26", 200),
        ("10.0.0.0/8", 254),
    ]


@pytest.mark.parametrize(("to", "expected"), [("0.0.0.0", "0.0.0.0/0"), ("::", "::/0")])
def test_a_default_route_has_no_destination_in_its_message(to: str, expected: str) -> None:
    assert routes.parse_route(message(to, 0))["to"] == expected


def test_a_rule_is_read_from_its_message() -> None:
    body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 52, 0, 0, 1, 0) + u32(6, 5210) + u32(10, 0x80000) + u32(16, 0xFF0000)
    assert routes.parse_rule(body) == rule(5210, 52, mark=0x80000, mask=0xFF0000)


def test_what_a_rule_asks_for_beside_the_mark_is_told() -> None:
    """As `ip rule add not from 10.0.0.5 to 10.8.0.0/16 iif lo lookup 30400 suppress_prefixlength 0` and more leave it."""
    head = struct.pack("=BBBBBBBBI", 2, 16, 32, 0, 0, 0, 0, 1, 2)
    body = head + attribute(1, socket.inet_aton("10.8.0.0")) + attribute(2, socket.inet_aton("10.0.0.5"))
    body += text(3, "lo") + u32(6, 30400) + u32(14, 0) + u32(15, 30400) + text(17, "eth0")
    known = {"from": "10.0.0.5/32", "to": "10.8.0.0/16", "iif": "lo", "oif": "eth0", "invert": True, "suppress": 0}
    assert routes.parse_rule(body) == rule(30400, 30400, **known)
    assert routes.parse_rule(body + u32(14, 0xFFFFFFFF))["suppress"] is None


@pytest.mark.parametrize("narrow", [attribute(22, b"\6"), attribute(24, bytes([0, 53, 0, 53])), attribute(19, b"\1")])
def test_a_rule_about_some_traffic_only_is_told_so(narrow: bytes) -> None:
    plain = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 0, 0, 1, 0)
    assert (routes.parse_rule(plain)["narrow"], routes.parse_rule(plain + narrow)["narrow"]) == (False, True)


def test_the_rules_of_multicast_routing_are_no_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 0, 0, 1, 0) for family in (2, 10, 128, 129)]
    monkeypatch.setattr(routes.network, "dump", lambda kind, body: told)
    assert [one["ipv6"] for one in routes.rules()] == [False, True]


SIGNS = ["/run/systemd/units/invocation:x.service", "/run/openrc/started/x", "/run/x.pid", "/run/x/x.pid"]


@pytest.mark.parametrize("sign", SIGNS)
def test_a_service_that_runs_leaves_a_sign(tmp_path: Path, sign: str) -> None:
    assert services.runs(tree(tmp_path, {sign: ""}), "x")


def test_a_service_without_a_sign_does_not_run(tmp_path: Path) -> None:
    assert not services.runs(tree(tmp_path, {"/etc/systemd/system/x.service": ""}), "x")


def test_networkd_is_told_by_files_of_which_the_last_counts(tmp_path: Path) -> None:
    contents = {
        "/run/systemd/units/invocation:systemd-networkd.service": "",
        "/etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=yes\n",
        "/etc/systemd/networkd.conf.d/calico.conf": "[Network]\nManageForeignRoutes=no\n",
    }
    assert fact("networkd", tmp_path, contents) == {"running": True, "keeps_off": ["ManageForeignRoutes"]}


def test_firewalls_are_told_by_their_own_files(tmp_path: Path) -> None:
    contents = {
        "/etc/ufw/ufw.conf": "ENABLED=yes\n",
        "/etc/csf/csf.conf": "",
        "/etc/csf/csf.disable": "",
        "/etc/nftables.conf": "#!/usr/sbin/nft -f\nflush ruleset\n",
    }
    assert fact("firewalls", tmp_path, contents) == {
        "ufw": True,
        "csf": False,
        "shorewall": False,
        "nftables.service": False,
        "flushes": True,
    }


MOUNTINFO = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid shared:5 - proc proc rw
24 23 0:21 /sys /proc/sys ro,nosuid - proc proc rw
25 22 0:22 / /home rw - ext4 /dev/vdb rw
"""


def test_mounts_are_read_with_their_propagation(tmp_path: Path) -> None:
    assert fact("mounts", tmp_path, {"/proc/1/mountinfo": MOUNTINFO}) == [
        {"at": "/", "read_only": False, "shared": True},
        {"at": "/proc", "read_only": False, "shared": True},
        {"at": "/proc/sys", "read_only": True, "shared": False},
    ]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n"}, True),
        ({"/sys/fs/cgroup/cgroup.controllers": "cpu pids\n"}, False),
        ({"/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t1\t0\n"}, False),
        ({"/proc/cgroups": "memory\t4\t49\t1\n"}, True),
        ({}, None),
    ],
)
def test_the_accounting_of_memory_is_told_by_either_hierarchy(
    tmp_path: Path, contents: dict[str, str], expected: bool | None
) -> None:
    assert fact("cgroups", tmp_path, contents)["memory"] is expected


CONTAINERD = """\
version = 2
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin/"
  conf_dir = "/etc/cni/net.d"
"""
CONTAINERD_2 = (
    'version = 3\n[cni]\n  bin_dirs = [\n    "/opt/cni/bin", "/usr/lib/cni"\n  ]\n  conf_dir = "/etc/other"\n'
)
CRIO = '[crio.network]\nnetwork_dir = "/etc/cni/net.d/"\nplugin_dirs = ["/opt/cni/bin"]\n'


def test_a_runtimes_directories_are_read_from_its_configuration(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "/etc/containerd/config.toml": CONTAINERD,
            "/etc/k0s/containerd.toml": CONTAINERD_2,
            "/etc/crio/crio.conf.d/10-x.conf": CRIO,
            "/var/lib/rancher/k3s/agent/etc/containerd/config.toml": "version = 2\n",
        },
    )
    assert [(one["file"], one["bin_dirs"], one["conf_dir"]) for one in runtime.runtime_cni(root)] == [
        ("/etc/containerd/config.toml", ["/opt/cni/bin"], "/etc/cni/net.d"),
        ("/var/lib/rancher/k3s/agent/etc/containerd/config.toml", [], None),
        ("/etc/k0s/containerd.toml", ["/opt/cni/bin", "/usr/lib/cni"], "/etc/other"),
        ("/etc/crio/crio.conf.d/10-x.conf", ["/opt/cni/bin"], "/etc/cni/net.d"),
    ]


def certificate(validity: bytes) -> str:
    body = base64.encodebytes(b"\x30\x82rest" + validity + b"more").decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def test_a_certificates_validity_is_read_in_both_its_notations(tmp_path: Path) -> None:
    short, long = b"\x17\x0d240101000000Z", b"\x18\x0f20500101000000Z"
    assert runtime.validity(certificate(short + short)) == (1704067200, 1704067200)
    assert runtime.validity(certificate(long + long)) == (2524608000, 2524608000)
    assert runtime.validity("no certificate") is None
    files_ = {"/etc/kubernetes/pki/ca.crt": certificate(short + short)}
    assert [one["file"] for one in runtime.certificates(tree(tmp_path, files_))] == ["/etc/kubernetes/pki/ca.crt"]


def test_a_socket_is_connected_to_and_one_without_a_runtime_says_why(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for path in ("/run/crio/crio.sock", "/run/cri-dockerd.sock"):
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    alive, dead = (socket.socket(socket.AF_UNIX) for _number in range(2))
    alive.bind(root.at("/run/crio/crio.sock"))
    alive.listen()
    dead.bind(root.at("/run/cri-dockerd.sock"))
    dead.close()
    assert runtime.runtime_sockets(root) == {"/run/crio/crio.sock": None, "/run/cri-dockerd.sock": "Connection refused"}
    alive.close()


def test_name_servers_and_the_ports_of_ssh_are_read(tmp_path: Path) -> None:
    contents = {"/etc/resolv.conf": "search x\nnameserver 127.0.0.53\n", "/run/systemd/resolve/resolv.conf": ""}
    assert fact("names", tmp_path, contents) == {"servers": ["127.0.0.53"], "resolved": True}
    assert fact("ssh_ports", tmp_path, {}) == [22]
    assert fact("ssh_ports", tmp_path, {"/etc/ssh/sshd_config.d/p.conf": "Port 2222\n#Port 22\n"}) == [2222]


@pytest.fixture
def endpoint() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def answering(server: socket.socket, how: Callable[[socket.socket], Any]) -> str | None:
    """What is found at a server that does this with who connects."""

    def serve() -> None:
        connection, _peer = server.accept()
        with connection, suppress(OSError):
            how(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    found = runtime.speaks_tls(f"127.0.0.1:{server.getsockname()[1]}", 0.5)
    thread.join()
    return found


def test_an_endpoint_that_agrees_on_tls_is_well_whoever_signed_its_certificate(endpoint: socket.socket) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("192.0.2.1").configure_cert(server)
    assert answering(endpoint, lambda it: server.wrap_socket(it, server_side=True).close()) is None


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda it: it.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"), "what is there does not speak TLS"),
        (lambda it: it.recv(1), "what is there does not speak TLS|Connection reset by peer"),
        (lambda it: time.sleep(1.0), "timed out"),
    ],
    ids=["another protocol", "hangs up", "says nothing"],
)
def test_an_endpoint_that_only_takes_connections_is_not_the_api_server(
    endpoint: socket.socket, how: Callable[[socket.socket], Any], message: str
) -> None:
    assert re.search(message, answering(endpoint, how) or "it is well")


def test_an_endpoint_where_nobody_listens_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert runtime.speaks_tls(f"127.0.0.1:{port}", 1.0) == "Connection refused"


def test_a_python_without_tls_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(NoEvidence, match="this Python has no TLS"):
        runtime.speaks_tls("127.0.0.1:1", 1.0)


def test_selinux_is_told_with_its_policy_and_its_latest_denials(tmp_path: Path) -> None:
    log = (
        "type=AVC avc:  denied { write } comm=calico\ntype=AVC avc:  denied comm=other\ntype=AVC avc:  granted calico\n"
    )
    contents = {
        "/sys/fs/selinux/enforce": "1",
        "/var/log/audit/audit.log": log,
        "/var/lib/selinux/targeted/active/modules/200/container/cil": "",
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
    }
    found = fact("security", tmp_path, contents)
    assert (found["selinux_enforcing"], found["selinux_containers"], found["lockdown"]) == (True, True, "integrity")
    assert found["denials"] == ["type=AVC avc:  denied { write } comm=calico"]


def test_what_was_only_written_down_hides_no_denial(tmp_path: Path) -> None:
    """A domain in permissive mode fills the log: the latest three lines are not the latest three denials."""
    told = "type=AVC msg=audit(1700000000.1:7): avc:  denied { read } comm=calico permissive="
    contents = {
        "/sys/fs/selinux/enforce": "1",
        "/var/log/audit/audit.log": f"{told}0\n" + 5 * f"{told}1\n",
        "/proc/stat": "cpu  1 2 3\nbtime 1699999000\n",
    }
    found = fact("security", tmp_path, contents)
    assert (found["denials"], found["booted"]) == ([f"{told}0"], 1699999000)


def test_without_selinux_nobody_reads_the_audit_log(tmp_path: Path) -> None:
    assert fact("security", tmp_path, {})["denials"] == []


def test_capabilities_are_read_bit_by_bit(tmp_path: Path) -> None:
    contents = {"/proc/self/status": "Name:\tx\nCapEff:\t0000000000203000\n"}
    assert security.capabilities(tree(tmp_path, contents)) == ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"/run/systemd/container": "lxc\n"}, "lxc"),
        ({"/proc/1/environ": "a=b\0container=podman\0"}, "podman"),
        ({}, None),
    ],
)
def test_a_container_is_told_by_whoever_made_it(tmp_path: Path, contents: dict[str, str], expected: str | None) -> None:
    assert security.container(tree(tmp_path, contents)) == expected


def test_the_machine_is_told_by_its_own_files(tmp_path: Path) -> None:
    contents = {"/proc/meminfo": "MemTotal:  2048 kB\n", "/proc/cpuinfo": "flags\t: fpu cx16 popcnt\n"}
    found = machine.machine(tree(tmp_path, contents))
    assert (found["memory"], found["flags"]) == (2048 * 1024, ["cx16", "popcnt"])
    with pytest.raises(NoEvidence):
        machine.machine(tree(tmp_path / "other"))


def test_the_kernels_own_types_begin_with_their_mark(tmp_path: Path) -> None:
    contents = {"/sys/kernel/btf/vmlinux": "\x1f\x2frest"}
    assert fact("btf", tmp_path, contents) == "1f2f"
    assert files.btf(tree(tmp_path / "other")) is None
