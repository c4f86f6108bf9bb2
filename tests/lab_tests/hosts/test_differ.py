# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that differ really do, as whoever logs in sees it; the plain one beside them does not."""

from __future__ import annotations

import errno
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests.lab.hosts import Host, HostSet, HostSpec, Refusal

BPF_ERRNO = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(321 if __import__('os').uname().machine == 'x86_64' else 280, 0, None, 0)
print(ctypes.get_errno())
"""
SOCKET_ERRNO = """
import socket, sys
try:
    socket.socket(int(sys.argv[1]), socket.SOCK_DGRAM)
    print(0)
except OSError as refused:
    print(refused.errno)
"""
AF_INET, AF_INET6 = 2, 10
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
RULES = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy accept;
    tcp dport 5473 drop
  }
}
"""
CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_max"
INOTIFY = "/proc/sys/fs/inotify/max_user_instances"
LISTED = "/proc/modules"
NEW_IN_THE_KERNEL = ("/proc/sys/kernel/of_the_lab", "/sys/class/of_the_lab/id/vendor", "/sys/kernel/of_the_lab")
DRIVER = "/sys/class/net/eth0/device/driver"
RUNTIME = "/run/containerd/containerd.sock"
LISTENERS = {"tcp/179": "bird", "udp/4789": "flanneld", f"unix{RUNTIME}": "containerd"}
SECOND_LINK = ["ip link add eth1 type bridge", "ip address add 10.7.0.2/24 dev eth1"]
CONNECT_TO_SOCKET = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
AN_HOUR = 3600

SPECS = [
    HostSpec("plain"),
    HostSpec(
        "old-kernel",
        refused=[Refusal("bpf", "ENOSYS"), Refusal("socket", "EAFNOSUPPORT", {0: AF_INET6})],
        shown={INOTIFY: "8\n", CONNTRACK: "4096\n"},
        sysctls={"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "2"},
        absent=["/proc/sys/net/ipv6", "/proc/sys/net/netfilter/nf_conntrack_acct", "/etc/os-release"],
        personality=["--uname-2.6"],
    ),
    HostSpec(
        "confined",
        refused=[Refusal("bpf", "EPERM")],
        shown={LISTED: "ipip 16384 0 - Live 0x0\n", **dict.fromkeys(NEW_IN_THE_KERNEL, "lab\n")},
        linked={DRIVER: "/sys/bus/pci/drivers/vmxnet3"},
        read_only=["/etc/cni"],
        full=["/var/lib/calico", "/tmp"],
    ),
    HostSpec("networked", mtu=1280, ipv6=False, firewall=RULES, listeners=LISTENERS, commands=SECOND_LINK),
    HostSpec("dual", dual_stack=True),
    HostSpec("mistaken", hostname="localhost.localdomain", clock_offset=-AN_HOUR),
    HostSpec("no-python", python=False),
    HostSpec("asks", sudo_password=True),
    HostSpec("late", ssh_delay=2.0),
    HostSpec("silent", ssh_silent=True),
    HostSpec("stranger", ssh_key_mistaken=True),
    HostSpec("hangs", ssh_settings="ForceCommand sleep 600"),
]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), SPECS)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def plain(hosts: HostSet) -> Host:
    return hosts.host("plain")


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def python(host: Host, code: str, *arguments: str) -> str:
    return said(host.ssh(["sudo", "-n", "/usr/bin/python3", "-c", code, *arguments]))


@pytest.mark.parametrize(("name", "answer"), [("old-kernel", errno.ENOSYS), ("confined", errno.EPERM)])
def test_a_refused_system_call_fails_with_the_errno_asked_for(
    hosts: HostSet, plain: Host, name: str, answer: int
) -> None:
    assert int(python(hosts.host(name), BPF_ERRNO)) == answer
    assert int(python(plain, BPF_ERRNO)) not in (errno.ENOSYS, errno.EPERM)


def test_only_the_refused_socket_family_is_refused(hosts: HostSet, plain: Host) -> None:
    old = hosts.host("old-kernel")
    assert python(old, SOCKET_ERRNO, str(AF_INET6)) == str(errno.EAFNOSUPPORT)
    assert python(old, SOCKET_ERRNO, str(AF_INET)) == "0"
    assert python(plain, SOCKET_ERRNO, str(AF_INET6)) == "0"


def test_what_is_the_machines_is_shown_to_one_host_only(hosts: HostSet, plain: Host) -> None:
    old = hosts.host("old-kernel")
    assert said(old.ssh(["cat", INOTIFY, CONNTRACK])).split() == ["8", "4096"]
    assert said(plain.ssh(["cat", INOTIFY])) != "8"


def test_a_host_may_have_a_file_in_proc_that_the_kernel_has_not(hosts: HostSet) -> None:
    confined = hosts.host("confined")
    assert said(confined.ssh(["cat", LISTED])).split()[0] == "ipip"
    assert said(confined.ssh(["sh", "-c", "cat /proc/$$/comm /proc/self/comm /proc/sys/kernel/ostype"])).split() == [
        "sh",
        "cat",
        "Linux",
    ]


def test_a_network_setting_is_the_hosts_own(hosts: HostSet, plain: Host) -> None:
    settings = ["cat", *(f"/proc/sys/net/ipv4/conf/{which}/rp_filter" for which in ("all", "eth0"))]
    assert said(hosts.host("old-kernel").ssh(settings)).split() == ["1", "2"]
    assert said(plain.ssh(settings)).split() != ["1", "2"]


def test_a_host_may_have_a_file_anywhere_below_proc_and_sys_and_all_else_stays(hosts: HostSet, plain: Host) -> None:
    confined = hosts.host("confined")
    assert said(confined.ssh(["cat", *NEW_IN_THE_KERNEL])).split() == ["lab"] * 3
    assert said(confined.ssh(["readlink", DRIVER])) == "/sys/bus/pci/drivers/vmxnet3"
    rest = ["cat", "/proc/sys/kernel/ostype", "/sys/class/net/eth0/mtu", "/sys/kernel/cpu_byteorder"]
    assert said(confined.ssh(rest)) == said(plain.ssh(rest))
    for path in (*NEW_IN_THE_KERNEL, DRIVER):
        assert "No such file" in plain.ssh(["ls", path]).stderr


def test_a_host_may_say_that_its_kernel_is_old(hosts: HostSet, plain: Host) -> None:
    for privilege in ([], ["sudo", "-n"]):
        assert said(hosts.host("old-kernel").ssh([*privilege, "uname", "-r"])).startswith("2.6.")
        assert not said(plain.ssh([*privilege, "uname", "-r"])).startswith("2.6.")


def test_a_host_may_have_links_of_its_own(hosts: HostSet, plain: Host) -> None:
    addresses = ["ip", "-brief", "address", "show"]
    assert "10.7.0.2/24" in said(hosts.host("networked").ssh(addresses))
    assert "10.7.0.2/24" not in said(plain.ssh(addresses))


def test_a_file_of_the_kernels_may_be_gone_and_those_beside_it_stay(hosts: HostSet, plain: Host) -> None:
    gone, beside = "/proc/sys/net/netfilter/nf_conntrack_acct", "/proc/sys/net/netfilter/nf_conntrack_count"
    assert "No such file" in hosts.host("old-kernel").ssh(["cat", gone]).stderr
    for host, path in ((plain, gone), (plain, beside), (hosts.host("old-kernel"), beside)):
        assert said(host.ssh(["cat", path])).isdigit()


def test_what_is_absent_cannot_be_found(hosts: HostSet, plain: Host) -> None:
    for path, filled in (("/proc/sys/net/ipv6/neigh", "eth0"), ("/etc/os-release", "os-release")):
        assert filled not in hosts.host("old-kernel").ssh(["ls", path]).stdout
        assert filled in said(plain.ssh(["ls", path]))


def test_a_read_only_folder_cannot_be_written_by_root(hosts: HostSet, plain: Host) -> None:
    touch = ["sudo", "-n", "sh", "-c", "mkdir -p /etc/cni/net.d"]
    assert "Read-only file system" in hosts.host("confined").ssh(touch).stderr
    said(plain.ssh(touch))


@pytest.mark.parametrize("folder", ["/var/lib/calico", "/tmp"])
def test_on_a_full_disk_neither_a_file_nor_a_folder_can_be_made(hosts: HostSet, plain: Host, folder: str) -> None:
    confined = hosts.host("confined")
    for make in (f"mkdir {folder}/new", f"cat /etc/passwd > {folder}/.full-0"):
        assert "No space left on device" in confined.ssh(["sudo", "-n", "sh", "-c", make]).stderr
    said(plain.ssh(["sudo", "-n", "mkdir", "-p", f"{folder}/new"]))


def test_the_card_has_the_mtu_asked_for(hosts: HostSet, plain: Host) -> None:
    mtu = ["cat", "/sys/class/net/eth0/mtu"]
    assert (said(hosts.host("networked").ssh(mtu)), said(plain.ssh(mtu))) == ("1280", "1500")


def test_a_host_without_ipv6_has_no_address_of_it(hosts: HostSet, plain: Host) -> None:
    addresses = ["ip", "-6", "address", "show"]
    assert said(hosts.host("networked").ssh(addresses)) == ""
    assert "::1" in said(plain.ssh(addresses))


def test_a_host_of_both_families_has_an_address_of_each_at_once(hosts: HostSet, plain: Host) -> None:
    dual = hosts.host("dual")
    assert plain.address_v6 is None
    addresses = said(dual.ssh(["ip", "-brief", "-6", "address", "show", "dev", "eth0", "scope", "global"]))
    assert addresses.split()[2:] == [f"{dual.address_v6}/64"]
    assert said(plain.ssh(["ip", "-brief", "-6", "address", "show", "dev", "eth0", "scope", "global"])) == ""


def test_the_firewall_drops_what_its_rules_say(hosts: HostSet) -> None:
    networked = hosts.host("networked")
    assert "dport 5473 drop" in said(networked.ssh(["sudo", "-n", "nft", "list", "ruleset"]))
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["/usr/bin/python3", "-c", CONNECT, networked.address, "5473"], timeout=1.5, check=False)


def test_a_port_is_taken_by_a_program_of_the_name_asked_for(hosts: HostSet, plain: Host) -> None:
    networked = hosts.host("networked")
    names = said(networked.ssh(["sh", "-c", "cat /proc/[0-9]*/comm"])).split()
    assert {"bird", "flanneld"} <= set(names)
    for host, code in ((networked, 0), (plain, 1)):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", CONNECT, host.address, "179"], stderr=subprocess.DEVNULL, check=False
        )
        assert done.returncode == code


def test_a_socket_is_held_too(hosts: HostSet, plain: Host) -> None:
    connect = ["sudo", "-n", "/usr/bin/python3", "-c", CONNECT_TO_SOCKET, RUNTIME]
    assert said(hosts.host("networked").ssh(connect)) == ""
    assert "FileNotFoundError" in plain.ssh(connect).stderr


def test_a_host_may_call_itself_otherwise_than_the_inventory_does(hosts: HostSet) -> None:
    seen = said(hosts.host("mistaken").ssh(["sh", "-c", "uname -n; cat /etc/hostname"])).split()
    assert seen == ["localhost.localdomain"] * 2


@pytest.mark.parametrize("privilege", [[], ["sudo", "-n"]], ids=["as the user", "under sudo"])
def test_a_wrong_clock_is_wrong_for_whoever_logs_in(hosts: HostSet, plain: Host, privilege: list[str]) -> None:
    for command in (["date", "+%s"], ["/usr/bin/python3", "-c", "import time; print(int(time.time()))"]):
        skew = int(said(hosts.host("mistaken").ssh([*privilege, *command]))) - time.time()
        assert -AN_HOUR - 30 < skew < -AN_HOUR + 5
        assert abs(int(said(plain.ssh([*privilege, *command]))) - time.time()) < 30


def test_a_host_without_python_runs_everything_else(hosts: HostSet) -> None:
    host = hosts.host("no-python")
    assert "not found" in host.ssh(["/usr/bin/python3", "-c", ""]).stderr
    assert said(host.ssh(["sudo", "-n", "sh", "-c", "command -v python3 python || id -u"])) == "0"


def test_a_sudo_that_asks_lets_nobody_become_root(hosts: HostSet) -> None:
    done = hosts.host("asks").ssh(["sudo", "-n", "id", "-u"])
    assert (done.returncode, "a password is required" in done.stderr) == (1, True)


def test_a_late_host_answers_after_its_delay(hosts: HostSet) -> None:
    begun = time.monotonic()
    assert said(hosts.host("late").ssh(["hostname"])) == "late"
    assert time.monotonic() - begun > 2


def test_a_silent_host_accepts_a_connection_and_says_nothing(hosts: HostSet) -> None:
    host = hosts.host("silent")
    options = [*host.ssh_options(), "-o", "ConnectTimeout=2", "-o", "BatchMode=yes"]
    done = subprocess.run(["ssh", *options, host.address, "true"], capture_output=True, text=True, check=False)
    assert "Connection timed out during banner exchange" in done.stderr


def test_a_host_with_another_key_than_the_known_one_is_not_trusted(hosts: HostSet) -> None:
    assert "Host key verification failed" in hosts.host("stranger").ssh(["true"]).stderr


def test_a_host_that_hangs_lets_in_and_answers_no_command(hosts: HostSet) -> None:
    host = hosts.host("hangs")
    command = ["ssh", *host.ssh_options(), "-i", str(host.ssh_private_key), f"{host.user}@{host.address}", "true"]
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(command, timeout=3, check=False, stdin=subprocess.DEVNULL)


def test_a_host_that_another_process_knows_by_its_record_is_the_same(hosts: HostSet) -> None:
    known = [asdict(host.spec) for host in HostSet.load(hosts.state_dir).hosts]
    assert json.dumps(known) == json.dumps([asdict(spec) for spec in SPECS])
