# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that really have a fault, each checked over SSH beside one that has none."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import trustme

from tests.lab.hosts import HostSet, HostSpec, Refusal
from tests.lab.hosts.machine import INTERPRETER
from tests.lab.prechecks import Answers, over_ssh, statuses

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the hosts of the lab need root")

SETTINGS = "encapsulation=vxlan mtu=1450"
NM = "/etc/NetworkManager/conf.d/calico.conf"
NM_RUNS = {"/run/NetworkManager/NetworkManager.pid": "1\n"}
LEAVE_ALONE = "[keyfile]\nunmanaged-devices=interface-name:cali*;interface-name:vxlan.calico\n"
FORWARD_DROP = "table ip filter {\n  chain FORWARD {\n    type filter hook forward priority 0; policy drop;\n  }\n}\n"
FIREWALLD = {"/run/firewalld.pid": "1\n"}

# On a host: agrees on TLS with whoever connects, and ends with the host.
SERVES_TLS = """
import os, socket, ssl, sys
port, pair = sys.argv[1:]
open("/run/server.pem", "w").write(pair)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/server.pem")
server = socket.create_server(("", int(port)))
if os.fork():
    os._exit(0)
os.setsid()
for stream in (0, 1, 2):
    os.close(stream)
while True:
    try:
        context.wrap_socket(server.accept()[0], server_side=True).close()
    except OSError:
        pass
"""

# Host, the fault that it has, and what the check of that fault has to say about it.
FAULTY: dict[str, tuple[HostSpec, str, str]] = {
    spec.name: (spec, check, status)
    for spec, check, status in [
        (HostSpec("bgpd", listeners={"tcp/179": "bgpd"}), "bgp_port_free", "fail"),
        (HostSpec("impostor", listeners={"tcp/9099": "exporter"}), "ports_felix_health", "fail"),
        (HostSpec("typhas-port", listeners={"tcp/5473": "other"}), "port_typha", "fail"),
        (HostSpec("tunnels-port", listeners={"udp/4789": "other"}), "port_vxlan_conflict", "fail"),
        (HostSpec("cni-read-only", read_only=["/etc/cni"]), "cni_conf_dir_writable", "fail"),
        (HostSpec("opt-read-only", read_only=["/opt"]), "cni_bin_dir_writable", "fail"),
        (HostSpec("full", full=["/var/lib/calico"]), "disk_space", "fail"),
        (HostSpec("narrow", mtu=1400), "mtu_consistency", "warn"),
        (HostSpec("behind", clock_offset=-3600), "time_sync", "fail"),
        (HostSpec("ahead", clock_offset=3600), "time_sync", "fail"),
        (HostSpec("shouting", hostname="Edge_1"), "node_name_unique", "warn"),
        (HostSpec("copied", files={"/var/lib/calico/nodename": "another"}), "stale_nodename_file", "fail"),
        (HostSpec("nm", files=NM_RUNS), "networkmanager_unmanaged", "warn"),
        (HostSpec("firewalld", files=FIREWALLD), "firewalld_active", "fail"),
        (HostSpec("hardened", files={"/etc/sysctl.d/99-cis.conf": "net.ipv4.ip_forward = 0\n"}), "ip_forward", "fail"),
        (HostSpec("still", sysctls={"net.ipv4.ip_forward": "0"}), "ip_forward", "warn"),
        (HostSpec("dropping", firewall=FORWARD_DROP), "forward_policy_drop", "warn"),
        (HostSpec("proxied", firewall="table ip kube-proxy {\n}\n"), "kube_proxy_mode_match", "fail"),
        (HostSpec("small", shown={"/proc/meminfo": "MemTotal:  500000 kB\n"}), "memory_cpu", "warn"),
        (HostSpec("few", shown={"/proc/sys/fs/inotify/max_user_instances": "64\n"}), "pid_fd_limits", "warn"),
        (
            HostSpec("tracked", shown={"/proc/sys/net/netfilter/nf_conntrack_max": "16384\n"}),
            "conntrack_capacity",
            "warn",
        ),
        (HostSpec("nameless", absent=["/etc/machine-id", "/var/lib/dbus/machine-id"]), "machine_id_unique", "warn"),
    ]
}
OTHERS = [
    HostSpec("plain"),
    HostSpec("bird", listeners={"tcp/179": "bird", "tcp/9099": "calico-node", "tcp/5473": "calico-typha"}),
    HostSpec("nm-told", files={**NM_RUNS, NM: LEAVE_ALONE}),
    HostSpec("bpf-absent", refused=[Refusal("bpf", "ENOSYS")]),
    HostSpec("bpf-forbidden", refused=[Refusal("bpf", "EPERM")]),
    HostSpec("without-ipv6", ipv6=False),
]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), [*(spec for spec, _check, _status in FAULTY.values()), *OTHERS])
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def answers(hosts: HostSet) -> Answers:
    return over_ssh(hosts, "--become", settings=f"{SETTINGS} controller_clock={time.time()}")


def test_a_healthy_host_has_no_finding_at_all(answers: Answers) -> None:
    for name in ("plain", "bird", "nm-told"):
        document = answers[name]["precheck"]
        assert [(one["id"], one["message"], one["observed"]) for one in document["findings"]] == [], name
        assert document["verdict"] == "pass"


@pytest.mark.parametrize("name", FAULTY)
def test_the_fault_of_a_host_is_told(answers: Answers, name: str) -> None:
    _spec, check, status = FAULTY[name]
    assert statuses(answers[name]["precheck"])[check] == status
    assert statuses(answers["plain"]["precheck"])[check] == "ok"


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_told_once(answers: Answers, name: str) -> None:
    found = [one["id"] for one in answers[name]["precheck"]["findings"]]
    assert found == [FAULTY[name][1]]


def test_bpf_that_is_not_there_fails_and_bpf_that_may_not_be_asked_is_skipped(hosts: HostSet) -> None:
    found = over_ssh(hosts, "--become", settings="dataplane=bpf", only=["plain", "bpf-absent", "bpf-forbidden"])
    told = {name: statuses(answer["precheck"])["bpf_supported"] for name, answer in found.items()}
    assert told == {"plain": "ok", "bpf-absent": "fail", "bpf-forbidden": "skipped"}
    findings = {one["id"]: one for one in found["bpf-forbidden"]["precheck"]["findings"]}
    assert "needs become (CAP_BPF" in findings["bpf_supported"]["message"]
    assert found["bpf-forbidden"]["precheck"]["verdict"] == "fail"


def test_ipv6_that_is_off_fails_where_there_will_be_a_pool(hosts: HostSet) -> None:
    found = over_ssh(hosts, "--become", settings="ipv6=true", only=["plain", "without-ipv6"])
    told = {name: statuses(answer["precheck"])["ipv6_disabled"] for name, answer in found.items()}
    assert told == {"plain": "ok", "without-ipv6": "fail"}


def test_pools_and_routes_of_the_host_are_compared(hosts: HostSet) -> None:
    address = hosts.host("plain").address
    for pool, expected in ((f"{address}/16", "fail"), ("10.244.0.0/16", "ok")):
        found = over_ssh(hosts, "--become", settings=f"pod_cidrs={pool}", only=["plain"])
        assert statuses(found["plain"]["precheck"])["pool_overlap_host_cidr"] == expected


def test_the_way_to_the_api_server_is_tried_when_it_is_told(hosts: HostSet) -> None:
    """Its sshd takes connections too, and is no API server."""
    other = hosts.host("bird")
    pair = trustme.CA().issue_cert(other.address).private_key_and_cert_chain_pem.bytes().decode()
    assert other.run([INTERPRETER, "-c", SERVES_TLS, "6443", pair]).returncode == 0
    for port, expected in ((6443, "ok"), (22, "warn"), (1, "warn")):
        found = over_ssh(hosts, "--become", settings=f"apiserver={other.address}:{port}", only=["plain"])
        assert statuses(found["plain"]["precheck"])["apiserver_reachable"] == expected
