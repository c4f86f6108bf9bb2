# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab changes no setting of the machine outside its own namespaces."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.hosts import HostSet, HostSpec

Snapshot = dict[str, dict[str, Any]]

# Links of labs: this test's, whose end the lifecycle tests prove, and those of others that come and go meanwhile.
LAB_LINK = re.compile(r"^crlab\d+(h\d+)?$")

# What the kernel changes by itself in /proc/sys, or what cannot be read without doing something.
NOT_SETTINGS = {
    "fs/aio-nr": "asynchronous requests in flight",
    "fs/binfmt_misc": "where systemd has an automount on it, looking mounts it",
    "fs/dentry-state": "cached names",
    "fs/file-nr": "open files",
    "fs/inode-nr": "cached inodes",
    "fs/inode-state": "cached inodes",
    "fs/quota": "counters of quota lookups",
    "kernel/hung_task_detect_count": "tasks seen hanging",
    "kernel/ns_last_pid": "the last pid given",
    "kernel/perf_cpu_time_max_percent": "the kernel lowers it when sampling takes long",
    "kernel/perf_event_max_sample_rate": "the kernel lowers it when sampling takes long",
    "kernel/pty/nr": "open terminals",
    "kernel/random/entropy_avail": "the state of the random pool",
    "kernel/random/uuid": "another one at each reading",
    "net/netfilter/nf_conntrack_count": "connections tracked now",
    "vm/stat_refresh": "reading it makes the kernel fold its statistics",
}
# Drivers of what the lab is made of. A kernel with modules loads them itself when the first such object is made.
LOADED_ON_DEMAND = {"bridge", "llc", "overlay", "stp", "veth"}
COUNTING_DOWN = {"valid_life_time", "preferred_life_time", "expires"}  # leases of the machine's own addresses


def machine() -> Snapshot:
    """All that a lab could have changed, in parts that are compared one by one."""
    return {
        "sysctl": dict(sysctls(Path("/proc/sys"))),
        "links": {link["ifname"]: link for link in ip("link", "show") if not LAB_LINK.match(link["ifname"])},
        "addresses": {link["ifname"]: link for link in ip("address", "show") if not LAB_LINK.match(link["ifname"])},
        "routes": numbered(
            route
            for family in ("-4", "-6")
            for route in ip(family, "route", "show", "table", "all")
            if not LAB_LINK.match(route.get("dev", ""))
        ),
        "rules": numbered(rule for family in ("-4", "-6") for rule in ip(family, "rule", "show")),
        "network namespaces": numbered(ip("netns", "list")),
        "firewall": firewall(),
        "modules": dict.fromkeys(modules() - LOADED_ON_DEMAND),
        "mounts": dict.fromkeys(Path("/proc/self/mountinfo").read_text().splitlines()),
        "/etc": {str(path): fingerprint(path) for path in Path("/etc").rglob("*")},
        "names": {"host": socket.gethostname(), "domain": os.uname().version},
    }


def sysctls(folder: Path) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir()):
        name = str(entry.relative_to("/proc/sys"))
        if name in NOT_SETTINGS or LAB_LINK.match(entry.name):
            continue
        if entry.is_dir():
            yield from sysctls(entry)
        elif entry.stat().st_mode & 0o444:
            yield name, read(entry)


def read(setting: Path) -> str:
    try:
        return setting.read_text(errors="replace")
    except OSError as refused:  # some have nothing to say on this machine: that, too, is to stay as it is
        return f"errno {refused.errno}"


def ip(*arguments: str) -> list[dict[str, Any]]:
    text = subprocess.check_output(["ip", "-json", *arguments], text=True)
    found: list[dict[str, Any]] = json.loads(text or "[]", object_hook=without_countdowns)
    return found


def without_countdowns(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in COUNTING_DOWN}


def numbered(entries: Any) -> dict[str, int]:
    texts = [json.dumps(entry, sort_keys=True) for entry in entries]
    return {text: texts.count(text) for text in texts}


def firewall() -> dict[str, str]:
    """The rules, by the tools that are here; iptables is asked only where its tables are in use, for asking loads them."""
    questions = {"nft": ["nft", "--stateless", "list", "ruleset"]}
    for family in ("", "6"):
        tables = Path(f"/proc/net/ip{family}_tables_names")
        if tables.exists() and tables.read_text():
            questions[f"ip{family}tables"] = [f"ip{family}tables-save"]
    return {name: rules(command) for name, command in questions.items() if shutil.which(command[0])}


def rules(command: list[str]) -> str:
    text = subprocess.check_output(command, text=True)
    return re.sub(r"^#.*$|\[\d+:\d+\]", "", text, flags=re.MULTILINE)  # dates and packet counters


def modules() -> set[str]:
    listing = Path("/proc/modules")  # a kernel without modules has no such file
    return {line.split()[0] for line in listing.read_text().splitlines()} if listing.exists() else set()


def fingerprint(path: Path) -> tuple[int, ...]:
    status = path.lstat()
    return (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, status.st_ino)


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    found = []
    for part, was in before.items():
        now = after[part]
        changed = [key for key in {*was, *now} if was.get(key, "absent") != now.get(key, "absent")]
        found += [f"{part}: {key}: {was.get(key, 'absent')} -> {now.get(key, 'absent')}" for key in sorted(changed)]
    return found


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Snapshot]:
    hosts = HostSet(tmp_path_factory.mktemp("lab"), [HostSpec("a"), HostSpec("b", netfilter_refused=True)])
    taken = {"before": machine()}
    try:
        hosts.start()
        # As root in a host, write what a host may write, and try what it may not.
        hosts.host("a").ssh(
            ["sudo", "sh", "-c", "cd /proc/sys/net/ipv4; echo 1 > ip_forward; echo 1 > conf/all/rp_filter"]
        )
        hosts.host("a").ssh(["sudo", "sh", "-c", "echo 17 > /proc/sys/vm/swappiness; hostname changed; rm /etc/motd"])
        taken["during"] = machine()
    finally:
        hosts.stop()
    taken["after"] = machine()
    return taken


@pytest.mark.parametrize("moment", ["during", "after"])
def test_the_lab_changes_no_setting_of_the_machine(snapshots: dict[str, Snapshot], moment: str) -> None:
    assert differences(snapshots["before"], snapshots[moment]) == []


def test_the_comparison_sees_a_change_in_every_part(snapshots: dict[str, Snapshot]) -> None:
    before = snapshots["before"]
    changed = {part: {**content, "changed by the lab": True} for part, content in before.items()}
    assert {line.split(":")[0] for line in differences(before, changed)} == set(before)
