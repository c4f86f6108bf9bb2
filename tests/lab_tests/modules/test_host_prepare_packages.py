# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role prepare installs the package that has the missing modules: apt, dpkg and a repository of the host's own are real.

This machine's kernel has no modules, and packages are named for Canonical's kernels alone. So the host shows a list of modules that is its
own, its modprobe writes into it, and its Python takes the kernel for one of Canonical's.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.modules import NEEDS

from tests.lab.hosts import Host, HostSet, HostSpec
from tests.lab.hosts.machine import INTERPRETER
from tests.lab.preparing import Played, Player

pytestmark = [pytest.mark.ansible, pytest.mark.skipif(os.geteuid() != 0, reason="lab hosts are made by root")]

RELEASE = "6.8.0-45-generic"
RENAMED = f"""import os
_asked = os.uname
os.uname = lambda: os.uname_result((*_asked()[:2], {RELEASE!r}, *_asked()[3:]))
"""
PACKAGE = f"linux-modules-extra-{RELEASE}"
MODULES = f"/lib/modules/{RELEASE}"
ASKED = {"prepare_modules": True, "prepare_persist": True, "prepare_install_packages": True}
INSTALL = "by the package lists that the host has"
ANEW = "Renew the package lists, and install the packages"
KERNEL = {name for need in NEEDS for name in need.modules} - {"ipip"}

MODPROBE = """#!/bin/sh
echo "$1 16384 0 - Live 0x0" >>/proc/modules
"""
# What depmod does after the installation of modules.
POSTINST = f"""#!/bin/sh
echo kernel/net/ipv4/ipip.ko: >>{MODULES}/modules.dep
"""
BROKEN = "#!/bin/sh\necho the disk of this board is broken >&2; exit 7\n"
BUILD = """
set -e
mkdir -p /tmp/package/DEBIAN "/tmp/package$1/kernel/net/ipv4" /srv/packages
echo stands in for a module >"/tmp/package$1/kernel/net/ipv4/ipip.ko"
printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: extra modules\n' "$2" \
    >/tmp/package/DEBIAN/control
printf %s "$3" >/tmp/package/DEBIAN/postinst
chmod 755 /tmp/package/DEBIAN/postinst
cd /srv/packages
dpkg-deb --root-owner-group --build /tmp/package "$2.deb" >/dev/null
cp /tmp/package/DEBIAN/control Packages
printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n' "$2.deb" "$(stat -c %s "$2.deb")" "$(sha256sum "$2.deb" | cut -d ' ' -f 1)" >>Packages
"""


def _python() -> str:
    """As Debian names the folder of the Python that the hosts have: python3.11."""
    version = "import sys; print('python%d.%d' % sys.version_info[:2])"
    return subprocess.run([INTERPRETER, "-c", version], check=True, capture_output=True, text=True).stdout.strip()


def ubuntu(name: str) -> HostSpec:
    """A kernel that has all but ipip, fresh from an image: without package lists."""
    return HostSpec(
        name,
        files={
            "/etc/os-release": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
            "/etc/apt/sources.list": "deb [trusted=yes] copy:/srv/packages ./\n",
            "/srv/packages/Packages": "",
            f"{MODULES}/modules.builtin": "".join(f"kernel/{module}.ko\n" for module in sorted(KERNEL)),
            f"{MODULES}/modules.dep": "",
            "/usr/sbin/modprobe": MODPROBE,
            f"/etc/{_python()}/sitecustomize.py": RENAMED,
        },
        absent=["/etc/apt/sources.list.d", "/etc/apt/apt.conf.d", "/var/lib/apt/lists", "/var/cache/apt"],
        shown={"/proc/modules": "veth 16384 0 - Live 0x0\n"},
    )


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    started = HostSet(tmp_path_factory.mktemp("lab"), [ubuntu("offered"), ubuntu("broken"), ubuntu("gone")])
    started.start()
    try:
        for host in started.hosts:
            run(host, "chmod", "755", "/usr/sbin/modprobe")
            run(host, "mkdir", "-p", "/var/lib/apt/lists/partial", "/etc/apt/apt.conf.d")
        run(started.host("offered"), "sh", "-c", BUILD, "sh", MODULES, PACKAGE, POSTINST)
        run(started.host("broken"), "sh", "-c", BUILD, "sh", MODULES, PACKAGE, BROKEN)
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def player(hosts: HostSet) -> Player:
    return Player(hosts)


@pytest.fixture(scope="module")
def check(player: Player) -> Played:
    return player.play("--check", **ASKED)


@pytest.fixture(scope="module")
def after_check(hosts: HostSet, check: Played) -> list[str]:
    return [installed(host) for host in hosts.hosts]


@pytest.fixture(scope="module")
def given(player: Player, after_check: list[str]) -> Played:
    return player.play(**ASKED)


@pytest.fixture(scope="module")
def again(player: Player, given: Played) -> Played:
    return player.play("--limit", "offered", **ASKED)


@pytest.fixture(scope="module")
def undone(player: Player, again: Played) -> Played:
    return player.play("--limit", "offered", prepare_state="absent")


def run(host: Host, *command: str) -> str:
    done = host.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def installed(host: Host) -> str:
    """What dpkg says of the package; nothing where it does not know it."""
    return host.run(["dpkg-query", "--show", "--showformat", "${Status}", PACKAGE]).stdout


def test_without_being_asked_it_names_the_package_and_installs_none(hosts: HostSet, player: Player) -> None:
    played = player.play("--limit", "offered", prepare_modules=True)
    assert played.code != 0
    assert f"Remedy: apt install {PACKAGE}" in played.results["offered"]["msg"]
    assert installed(hosts.host("offered")) == ""


def test_check_mode_installs_nothing_and_tells_what_a_real_run_tries(check: Played, after_check: list[str]) -> None:
    assert check.code == 0
    assert after_check == ["", "", ""]
    told: Any = check.of("where package lists are not renewed")
    assert (
        f"{PACKAGE}: No package matching '{PACKAGE}' is available. The package lists of this host may be old"
        in (told["offered"]["msg"])
    )


def test_the_package_is_installed_and_its_module_loaded_and_kept(hosts: HostSet, given: Played) -> None:
    host = hosts.host("offered")
    assert given.of(ANEW)["offered"]["changed"]
    assert installed(host) == "install ok installed"
    result = given.of("what came with the packages")["offered"]
    assert (result["modules_loaded"], result["unmet"]) == (["ipip"], [])
    assert "ipip 16384" in run(host, "cat", "/proc/modules")
    assert "ipip" in run(host, "cat", "/etc/modules-load.d/calico-ops.conf").splitlines()


def test_a_second_run_changes_nothing(again: Played) -> None:
    assert (again.code, again.changed) == (0, 0)


def test_undone_the_package_stays_and_the_files_go(hosts: HostSet, undone: Played) -> None:
    host = hosts.host("offered")
    assert undone.code == 0
    assert undone.results["offered"]["notes"] == ["loaded by us and left until the next boot: ipip"]
    assert host.run(["ls", "/etc/modules-load.d/calico-ops.conf", "/var/lib/calico-ops"]).stdout == ""


def test_the_lists_that_the_host_has_are_enough_where_they_are_new(
    hosts: HostSet, player: Player, undone: Played
) -> None:
    host = hosts.host("offered")
    run(host, "dpkg", "--remove", PACKAGE)
    run(host, "sh", "-c", f": >{MODULES}/modules.dep; : >/run/shown/0")
    check = player.play("--check", "--limit", "offered", **ASKED)
    assert check.of(INSTALL)["offered"]["changed"]
    assert installed(host) in ("", "deinstall ok config-files")
    played = player.play("--limit", "offered", **ASKED)
    assert played.of(INSTALL)["offered"]["changed"]
    assert not any(name.endswith(ANEW) for name in played.tasks)
    assert installed(host) == "install ok installed"


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone", f"No package matching '{PACKAGE}' is available"), ("broken", "the disk of this board is broken")],
)
def test_what_cannot_be_installed_fails_its_host_and_says_why(given: Played, name: str, words: str) -> None:
    assert given.code != 0
    told = given.of("why, and what to do")[name]["msg"]
    assert told.startswith(
        f"{PACKAGE} could not be installed, so this host still lacks ipip. The package manager says: "
    )
    assert words in told
    assert "Remedy: where no package source of this host offers it" in told
    assert name not in given.of("what came with the packages")
