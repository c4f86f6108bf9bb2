# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pythons of other architectures for tests: packages of this machine's distribution, unpacked into the cache, run by qemu-user.

apt works with a configuration and a state of its own: neither the architectures nor the package lists of the machine change,
nothing is installed, and no binfmt_misc entry is made. qemu is told the program by name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.environment.places import cache, locked

FETCH_TIMEOUT = 180.0
START_TIMEOUT = 30.0
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What a Python needs beside itself, and what the code for hosts takes of the standard library (ctypes).
LIBRARIES = ("libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8")
MERGED = ("bin", "lib", "lib64", "sbin")
"""Folders that are links into /usr since Debian 13, which another package than those here makes."""


@dataclass(frozen=True)
class Architecture:
    debian: str
    qemu: str
    machine: str
    """As the kernel calls it."""
    byte_order: str = "little"
    pointer: int = 8
    suites: Sequence[str] = ()
    """Where its packages are looked for when the machine's own release does not have it."""


S390X = Architecture("s390x", "s390x", "s390x", byte_order="big")
ARMHF = Architecture("armhf", "arm", "armv7l", pointer=4)
ARM64 = Architecture("arm64", "aarch64", "aarch64")
PPC64EL = Architecture("ppc64el", "ppc64le", "ppc64le")
RISCV64 = Architecture("riscv64", "riscv64", "riscv64", suites=("trixie", "forky"))
ALL = (S390X, ARMHF, ARM64, PPC64EL, RISCV64)
_OURS = re.compile(rf"qemu-({'|'.join(one.qemu for one in ALL)})(-static)?$")


class Unobtainable(Exception):
    """Why there is no such Python here, for whoever reads why a test was skipped."""


def python(architecture: Architecture) -> list[str]:
    """The command that is this Python; the test is skipped where there is none."""
    try:
        return _python(architecture)
    except Unobtainable as why:
        pytest.skip(f"no Python of {architecture.debian}: {why}")


def _python(architecture: Architecture) -> list[str]:
    with locked("foreign"):
        qemu = _qemu(architecture)
        root = cache() / "foreign" / architecture.debian
        if not root.is_dir():
            _unpacked(architecture, root)
    (interpreter,) = (one for one in (root / "usr/bin").glob("python3.*") if one.name[8:].isdigit())
    command = [str(qemu), "-L", str(root), str(interpreter), "-I", "-S", "-B"]
    try:
        # An old qemu may lack what a newer C library asks of the kernel.
        started = subprocess.run([*command, "-c", ""], capture_output=True, timeout=START_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unobtainable(f"{qemu.name} does not run it: {error}") from None
    if started.returncode != 0:
        raise Unobtainable(f"{qemu.name} does not run it: {started.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return command


def _qemu(architecture: Architecture) -> Path:
    names = (f"qemu-{architecture.qemu}-static", f"qemu-{architecture.qemu}")
    on_path = next(filter(None, map(shutil.which, names)), None)
    if on_path:
        return Path(on_path)
    tools = cache() / "foreign" / "qemu"
    if not tools.is_dir():
        native = _said(["dpkg", "--print-architecture"]).strip()
        archive = Archive(native, _release()[1])
        # Debian 13 has the static programs in qemu-user, and of the other package the name only.
        archive.unpack(["qemu-user-static", "qemu-user"], tools, keep=_OURS)
    found = next((tools / "usr/bin" / name for name in names if (tools / "usr/bin" / name).exists()), None)
    if found is None:
        raise Unobtainable(f"the qemu of this distribution has no {architecture.qemu}")
    return found


def _unpacked(architecture: Architecture, root: Path) -> None:
    failures = []
    for suite in architecture.suites or [_release()[1]]:
        try:
            archive = Archive(architecture.debian, suite)
            version = archive.python()
            minimal = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
            archive.unpack([*minimal, *LIBRARIES], root)
            return
        except Unobtainable as why:
            failures.append(f"{suite}: {why}")
    raise Unobtainable("; ".join(failures))


class Archive:
    """What apt finds of one architecture in one release, by a state of its own."""

    def __init__(self, architecture: str, suite: str) -> None:
        self.architecture = architecture
        self._state = cache() / "foreign" / f"apt-{architecture}"
        shutil.rmtree(self._state, ignore_errors=True)
        for folder in ("lists/partial", "archives/partial", "packages"):
            (self._state / folder).mkdir(parents=True)
        signed = f"signed-by={KEYRING}" if KEYRING.exists() else ""
        self._write("status", "")
        self._write("sources.list", f"deb [arch={architecture} {signed}] {_release()[0]} {suite} main\n")
        self._write("apt.conf", _configuration(self._state, architecture))
        self._apt("apt-get", "update", "--error-on=any")

    def python(self) -> str:
        """The version of the release's Python: python3-minimal depends on the package that has it."""
        shown = self._apt("apt-cache", "show", f"python3-minimal:{self.architecture}")
        found = re.search(r"python(3\.\d+)-minimal", shown)
        if found is None:
            raise Unobtainable("python3-minimal depends on no Python")
        return found.group(1)

    def unpack(self, packages: Sequence[str], folder: Path, keep: re.Pattern[str] | None = None) -> None:
        """Whole or not at all. `keep`: the programs that are wanted of many."""
        named = [f"{package}:{self.architecture}" for package in packages]
        self._apt("apt-get", "download", *named, cwd=self._state / "packages")
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for package in sorted((self._state / "packages").glob("*.deb")):
            _said(["dpkg-deb", "--extract", str(package), str(unfinished)])
        programs = list((unfinished / "usr/bin").iterdir()) if keep else []
        for program in programs:
            if keep and not keep.match(program.name):
                program.unlink()
        _link_inside(unfinished)
        unfinished.rename(folder)
        shutil.rmtree(self._state)

    def _apt(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        return _said([program, "--config-file", str(self._state / "apt.conf"), "--quiet", *arguments], cwd)

    def _write(self, name: str, text: str) -> None:
        (self._state / name).write_text(text, encoding="utf-8")


def _configuration(state: Path, architecture: str) -> str:
    return f"""\
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
"""


def _release() -> tuple[str, str]:
    """Where this machine's own packages come from, and the name of its release."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unobtainable("this machine has no apt")
    known = _said(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"]
    )
    for line in known.splitlines():
        address, release, component = line.split()
        if component == "main" and "-" not in release:
            return address, release
    raise Unobtainable("apt knows no archive: apt-get update was never run")


def _link_inside(root: Path) -> None:
    """Links are relative, so that they stay inside; and a root of packages alone has the folders that merged into /usr."""
    for link in (path for path in root.rglob("*") if path.is_symlink()):
        target = os.readlink(link)
        if target.startswith("/"):
            link.unlink()
            link.symlink_to(os.path.relpath(root / target[1:], link.parent))
    for name in MERGED:
        if (root / "usr" / name).is_dir() and not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")


def _said(command: Sequence[str], cwd: Path | None = None) -> str:
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unobtainable(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unobtainable(f"{' '.join([command[0], *(one for one in command[1:] if one.isalpha())])}: {last}")
    return done.stdout
