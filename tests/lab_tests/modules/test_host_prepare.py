# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role prepare on lab hosts, over SSH with become. Only net.* is written there, and the lab's kernel has no modules to load."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.hosts import Host, HostSet, HostSpec
from tests.lab.preparing import Played, Player

pytestmark = [
    pytest.mark.ansible,
    pytest.mark.oldest_core,
    pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root"),
]

ASKED = {"prepare_modules": True, "prepare_sysctls": True, "prepare_persist": True}
DROP_IN = "/etc/sysctl.d/99-calico-ops.conf"
# Everything that the role could touch: names, contents and modes of files, and every sysctl of the host that can be read. Counters
# and what ticks by itself are no settings.
STATE = """
import json, os
found = {}
for top in ("/etc", "/var/lib", "/proc/sys/net"):
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            if "conntrack" in name or name in ("file-nr", "random"):
                continue
            entry = [os.lstat(path).st_mode]
            if os.path.isfile(path) and not os.path.islink(path):
                try:
                    with open(path, "rb") as stream:
                        entry.append(stream.read().decode("latin-1"))
                except OSError as error:
                    entry.append(error.errno)
            found[path] = entry
print(json.dumps(found))
"""


def state(host: Host) -> dict[str, Any]:
    done = host.run(["/usr/bin/python3", "-I", "-c", STATE])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def value(host: Host, key: str) -> str:
    return host.run(["cat", f"/proc/sys/{key}"]).stdout.strip()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    specs = [
        HostSpec("plain"),
        HostSpec("hardened", files={"/etc/sysctl.d/99-zz-cis.conf": "net.ipv4.ip_forward = 0\n"}),
    ]
    started = HostSet(tmp_path_factory.mktemp("lab"), specs)
    started.start()
    for host in started.hosts:
        # As a router that is none yet; a new network namespace takes over what the machine has.
        assert (
            host.run(
                ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/ip_forward"]
            ).returncode
            == 0
        )
        host.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding"])
    yield started
    started.stop()


class Watch:
    """How a host differs from what it was, but for what a host that nobody touches has become meanwhile as well.

    A lab host shows the machine's own files beneath its own, and the kernel has settings for all hosts at once. So what another lab, a
    package manager or a module that is loaded changes on the machine is seen on every host.
    """

    def __init__(self, hosts: HostSet, untouched: Host) -> None:
        self._hosts = hosts
        self._untouched = untouched
        # The untouched host is the first to be looked at here and the last below, so that nothing is seen on the others alone.
        self._before_untouched = state(untouched)
        self._before = {host.name: state(host) for host in hosts.hosts}

    def differences(self) -> dict[str, set[str]]:
        """The paths that became different, by host."""
        changed = {host.name: _changed(self._before[host.name], state(host)) for host in self._hosts.hosts}
        of_the_machine = _changed(self._before_untouched, state(self._untouched))
        return {name: paths - of_the_machine for name, paths in changed.items()}


def _changed(was: dict[str, Any], now: dict[str, Any]) -> set[str]:
    return {path for path in {*was, *now} if was.get(path) != now.get(path)}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    started = HostSet(tmp_path_factory.mktemp("untouched"), [HostSpec("untouched")])
    started.start()
    yield started.hosts[0]
    started.stop()


@pytest.fixture(scope="module")
def player(hosts: HostSet) -> Player:
    return Player(hosts)


@pytest.fixture(scope="module")
def watch(hosts: HostSet, untouched: Host) -> Watch:
    return Watch(hosts, untouched)


@pytest.fixture(scope="module")
def unasked(player: Player, watch: Watch) -> Played:
    return player.play()


@pytest.fixture(scope="module")
def check(player: Player, unasked: Played) -> Played:
    return player.play("--check", **ASKED)


@pytest.fixture(scope="module")
def after_check(watch: Watch, check: Played) -> dict[str, set[str]]:
    return watch.differences()


@pytest.fixture(scope="module")
def given(player: Player, after_check: dict[str, set[str]]) -> Played:
    return player.play(**ASKED)


@pytest.fixture(scope="module")
def forwarding(hosts: HostSet, given: Played) -> dict[str, str]:
    return {host.name: value(host, "net/ipv4/ip_forward") for host in hosts.hosts}


@pytest.fixture(scope="module")
def again(player: Player, forwarding: dict[str, str]) -> Played:
    return player.play(**ASKED)


@pytest.fixture(scope="module")
def check_of_undo(player: Player, again: Played) -> Played:
    return player.play("--check", prepare_state="absent")


@pytest.fixture(scope="module")
def undone(player: Player, check_of_undo: Played) -> Played:
    return player.play(prepare_state="absent")


def test_nothing_is_done_that_is_not_asked_for(unasked: Played) -> None:
    assert (unasked.code, unasked.changed) == (0, 0)


def test_check_mode_changes_nothing_and_shows_what_the_real_run_does(
    check: Played, given: Played, after_check: dict[str, set[str]]
) -> None:
    assert after_check == {"plain": set(), "hardened": set()}
    for host, predicted in check.results.items():
        for key in ("changed", "sysctls", "modules_loaded", "files", "unmet", "notes", "diff"):
            assert predicted[key] == given.results[host][key]


def test_forwarding_is_on_and_kept_for_the_next_boot(
    hosts: HostSet, given: Played, forwarding: dict[str, str], again: Played
) -> None:
    assert given.code == 0
    assert forwarding == {"plain": "1", "hardened": "1"}
    for result in given.results.values():
        assert result["sysctls"] == [{"name": "net.ipv4.ip_forward", "before": "0", "after": "1"}]
        assert result["files"] == [DROP_IN]
        assert result["unmet"] == []


def test_the_diff_shows_the_sysctl_and_the_file(given: Played) -> None:
    parts = {part["after_header"]: (part["before"], part["after"]) for part in given.results["plain"]["diff"]}
    assert parts["sysctls of the running kernel"] == ("net.ipv4.ip_forward = 0\n", "net.ipv4.ip_forward = 1\n")
    assert parts[DROP_IN][0] == ""
    assert parts[DROP_IN][1].startswith("# Managed by calico_ops.rollout")


def test_a_file_that_will_undo_it_is_named_on_the_host_that_has_it(given: Played) -> None:
    assert any(
        "/etc/sysctl.d/99-zz-cis.conf sets net.ipv4.ip_forward = 0" in note
        for note in given.results["hardened"]["notes"]
    )
    assert not any("cis" in note for note in given.results["plain"]["notes"])


def test_a_second_run_changes_nothing(again: Played) -> None:
    assert (again.code, again.changed) == (0, 0)


def test_undone_no_file_and_no_sysctl_of_the_host_is_different(watch: Watch, undone: Played) -> None:
    assert (undone.code, undone.changed) == (0, 2)
    assert watch.differences() == {"plain": set(), "hardened": set()}


def test_check_mode_of_the_undo_shows_it_and_does_nothing(check_of_undo: Played, undone: Played) -> None:
    for host, predicted in check_of_undo.results.items():
        assert predicted["changed"]
        assert predicted["sysctls"] == undone.results[host]["sysctls"]
        assert predicted["diff"] == undone.results[host]["diff"]


def test_undoing_twice_changes_nothing(player: Player, undone: Played) -> None:
    assert player.play(prepare_state="absent").changed == 0


def test_a_mistake_in_the_architecture_is_refused_with_the_right_name(player: Player, undone: Played) -> None:
    played = player.play(prepare_modules=True, prepare_extra_modules={"arm64": ["vxlan"]})
    assert played.code != 0
    assert "extra_modules: arm64: this is Kubernetes' name for it" in played.results["plain"]["msg"]


def test_without_become_it_says_what_it_needs(player: Player, undone: Played) -> None:
    played = player.play(prepare_sysctls=True, prepare_become=False)
    assert "run it with become: true" in played.results["plain"]["msg"]
