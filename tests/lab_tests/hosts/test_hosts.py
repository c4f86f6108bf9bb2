# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab host promises to whoever logs in to it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.hosts import Host, HostSet, HostSpec, birth

NAMESPACES = ("net", "uts", "mnt", "pid")
ASK_FOR_NETFILTER = """
import socket
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    print(0)
except OSError as refused:
    print(refused.errno)
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    specs = [
        HostSpec("plain", groups=["core"], files={"/etc/cni/net.d/05-other.conflist": "{}\n"}),
        HostSpec("refused", groups=["edge"], netfilter_refused=True),
    ]
    started = HostSet(tmp_path_factory.mktemp("lab"), specs)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def plain(hosts: HostSet) -> Host:
    return hosts.host("plain")


@pytest.fixture
def refused(hosts: HostSet) -> Host:
    return hosts.host("refused")


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def netfilter_errno(host: Host, *privilege: str) -> int:
    return int(said(host.ssh([*privilege, "/usr/bin/python3", "-c", ASK_FOR_NETFILTER])))


def test_the_user_who_logs_in_is_not_root(plain: Host) -> None:
    assert int(said(plain.ssh(["id", "-u"]))) != 0


def test_sudo_makes_root_without_a_password_or_a_terminal(plain: Host) -> None:
    assert said(plain.ssh(["sudo", "-n", "id", "-u"])) == "0"


def test_the_users_home_is_writable(plain: Host) -> None:
    assert said(plain.ssh(["sh", "-c", "touch ~/written && ls ~"])) == "written"


def test_a_key_that_the_lab_did_not_make_is_refused(plain: Host, tmp_path: Path) -> None:
    foreign = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(foreign)], check=True)
    command = ["ssh", *plain.ssh_options(), "-o", "BatchMode=yes", "-i", str(foreign), f"{plain.user}@{plain.address}"]
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    assert "Permission denied (publickey)" in done.stderr


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_host_shares_no_namespace_with_the_machine_or_another_host(hosts: HostSet, namespace: str) -> None:
    seen = [said(host.ssh(["sudo", "readlink", f"/proc/1/ns/{namespace}"])) for host in hosts.hosts]
    assert len({*seen, os.readlink(f"/proc/self/ns/{namespace}")}) == len(seen) + 1


@pytest.mark.parametrize("name", ["plain", "refused"])
def test_a_host_calls_itself_by_its_own_name(hosts: HostSet, name: str) -> None:
    host = hosts.host(name)
    assert said(host.ssh(["sh", "-c", "hostname; uname -n; cat /etc/hostname"])).split() == [name] * 3


def test_a_host_finds_its_own_name(plain: Host) -> None:
    assert said(plain.ssh(["getent", "hosts", "plain"])).split()[0] == plain.address


@pytest.mark.parametrize("name", ["plain", "refused"])
def test_a_host_has_the_identity_it_is_announced_with(hosts: HostSet, name: str) -> None:
    host = hosts.host(name)
    seen = said(host.ssh(["cat", "/etc/machine-id", "/proc/sys/kernel/random/boot_id"])).split()
    assert seen == [host.machine_id, host.boot_id]


def test_no_two_hosts_share_an_identity(hosts: HostSet) -> None:
    machine = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    identities = [value for host in hosts.hosts for value in (host.machine_id, host.boot_id)]
    assert len({*identities, machine}) == len(identities) + 1


def test_the_system_uuid_is_what_a_kubelet_would_read(plain: Host) -> None:
    product = plain.run(["cat", "/sys/class/dmi/id/product_uuid"])
    assert plain.system_uuid == (product.stdout.strip() if product.returncode == 0 else plain.machine_id)


def test_a_command_from_outside_lands_in_the_root_that_a_login_sees(plain: Host) -> None:
    said(plain.ssh(["sh", "-c", "echo here > /tmp/mark; sudo touch /srv/mark"]))
    assert said(plain.run(["cat", "/tmp/mark"])) == "here"
    assert said(plain.run(["ls", "/srv/mark"])) == "/srv/mark"


def test_what_a_host_writes_is_not_on_the_machine(plain: Host) -> None:
    mark = f"/usr/local/mark-of-{plain.machine_id}"
    said(plain.ssh(["sudo", "touch", mark]))
    assert not Path(mark).exists()


def test_what_a_host_mounts_is_not_in_the_machines_mount_table(hosts: HostSet) -> None:
    assert str(hosts.state_dir) not in Path("/proc/self/mountinfo").read_text()


def test_the_files_asked_for_are_there(plain: Host) -> None:
    assert said(plain.ssh(["cat", "/etc/cni/net.d/05-other.conflist"])) == "{}"


@pytest.mark.parametrize("place", ["/etc/cni/net.d", "/var/lib/cni", "/var/lib/calico"])
def test_a_host_has_no_trace_of_an_earlier_network_plugin(refused: Host, place: str) -> None:
    assert refused.run(["ls", place]).returncode != 0


def test_the_network_settings_of_a_host_are_its_own_to_write(plain: Host) -> None:
    setting = Path("/proc/sys/net/ipv4/ip_forward")
    before = setting.read_text()
    said(plain.ssh(["sudo", "sh", "-c", f"echo {1 - int(before)} > {setting}"]))
    assert said(plain.ssh(["cat", str(setting)])) == str(1 - int(before))
    assert setting.read_text() == before


@pytest.mark.parametrize("setting", ["kernel/panic", "fs/inotify/max_user_watches", "vm/swappiness"])
def test_a_setting_that_is_the_machines_cannot_be_written_by_a_host(plain: Host, setting: str) -> None:
    path = f"/proc/sys/{setting}"
    done = plain.ssh(["sudo", "sh", "-c", f"cat {path} > /tmp/same; cat /tmp/same > {path}"])
    assert "Read-only file system" in done.stderr


def test_hosts_reach_each_other(plain: Host, refused: Host) -> None:
    connect = f"import socket; print(socket.create_connection(('{refused.address}', 22), 2).recv(4).decode())"
    assert said(plain.ssh(["/usr/bin/python3", "-c", connect])) == "SSH-"


def test_a_host_has_no_way_out_of_the_labs_bridge(plain: Host) -> None:
    """It has a default route, as machines have, to an address of the lab that is nobody's."""
    gateway = plain.address.rpartition(".")[0] + birth.NOBODY
    assert said(plain.run(["ip", "route", "show", "default"])).startswith(f"default via {gateway} dev eth0")
    connect = "import socket; s = socket.socket(); s.settimeout(5); print(s.connect_ex(('192.0.2.1', 80)))"
    assert said(plain.ssh(["/usr/bin/python3", "-c", connect])) in map(str, (errno.EHOSTUNREACH, errno.EAGAIN))
    neighbours = said(plain.run(["ip", "neighbour", "show", "to", gateway]))
    assert "lladdr" not in neighbours


@pytest.mark.parametrize("privilege", [(), ("sudo", "-n")], ids=["as the user", "under sudo"])
def test_a_refused_host_has_no_netfilter_netlink(refused: Host, privilege: tuple[str, ...]) -> None:
    assert netfilter_errno(refused, *privilege) == errno.EPROTONOSUPPORT


def test_a_plain_host_has_netfilter_netlink(plain: Host) -> None:
    assert netfilter_errno(plain, "sudo", "-n") == 0


def test_a_refused_host_still_has_the_other_netlink_families(refused: Host) -> None:
    ask = f"import socket; socket.socket({int(socket.AF_NETLINK)}, socket.SOCK_RAW, 0)"
    said(refused.ssh(["/usr/bin/python3", "-c", ask]))
