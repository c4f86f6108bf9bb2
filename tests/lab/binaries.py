# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd, kwok, Kubernetes and what real pods need, built once from the Go modules in tools/ into the cache.

What is in tools/*/go.mod decides which versions these are; nothing repeats them. A finished build is a folder named
after the hash of everything that went into it, so a changed go.sum is another folder and an unchanged one is found.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.places import LAB_SOURCES, cache_root
from tests.lab.toolchain import find_go

TOOLS = LAB_SOURCES / "tools"
_TELL_EVERY = 20.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Tool:
    """One Go module of ours and the programs built from it."""

    name: str
    programs: dict[str, str]  # program -> Go package
    stamps: tuple[str, ...] = ()  # variables of the version package that the linker fills in
    tags: tuple[str, ...] = ()  # what is left out of the build, or in
    module: str = ""  # the folder of the Go module, where several tools are built from one

    @property
    def directory(self) -> Path:
        return TOOLS / (self.module or self.name)

    def requirement(self, module: str) -> str:
        """The version of a module in this tool's go.mod, without its v."""
        found = re.search(rf"^\s*(?:require )?{re.escape(module)} v(\S+)", self.go_mod(), re.MULTILINE)
        if not found:
            raise LabError(f"{self.directory / 'go.mod'} requires no {module}")
        return found.group(1)

    def go_version(self) -> str:
        found = re.search(r"^go (\S+)", self.go_mod(), re.MULTILINE)
        if not found:
            raise LabError(f"{self.directory / 'go.mod'} names no Go version")
        return found.group(1)

    def go_mod(self) -> str:
        return (self.directory / "go.mod").read_text()

    def linker_flags(self) -> str:
        return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{stamp}" for stamp in self.stamps)])

    def key(self) -> str:
        build = (sorted(self.programs.items()), self.linker_flags(), os.uname().machine, *self.tags)
        digest = hashlib.sha256(repr(build).encode())
        for source in sorted(self.directory.rglob("*")):
            if source.name in ("go.mod", "go.sum") or source.suffix == ".go":
                name = source.relative_to(self.directory).as_posix()
                digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
        return digest.hexdigest()[:16]


def kubernetes_version() -> str:
    """The one version setting: what tools/kubernetes/go.mod requires."""
    return Tool("kubernetes", {}).requirement("k8s.io/kubernetes")


def tools() -> list[Tool]:
    commands = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    return [
        Tool("etcd", {"etcd": "."}),
        Tool("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
        Tool("kubernetes", {command: f"k8s.io/kubernetes/cmd/{command}" for command in commands}, _stamps()),
    ]


def pod_tools() -> list[Tool]:
    """What a lab with real pods needs beside the others; no other lab waits for these."""
    containerd = "github.com/containerd/containerd/v2/cmd"
    plugins = "github.com/containernetworking/plugins/plugins"
    return [
        Tool("pause", {"pause": "."}),
        Tool(
            "cni",
            {
                "ptp": f"{plugins}/main/ptp",
                "loopback": f"{plugins}/main/loopback",
                "host-local": f"{plugins}/ipam/host-local",
                "portmap": f"{plugins}/meta/portmap",
            },
        ),
        Tool(
            "kubelet",
            {"kubelet": "k8s.io/kubernetes/cmd/kubelet", "agnhost": "k8s.io/kubernetes/test/images/agnhost"},
            _stamps(),
            module="kubernetes",
        ),
        Tool(
            "containerd",
            {program: f"{containerd}/{program}" for program in ("containerd", "containerd-shim-runc-v2", "ctr")},
            tags=("no_btrfs", "no_zfs", "no_devmapper"),
        ),
        Tool(
            "kube-network-policies",
            {"kube-network-policies": "sigs.k8s.io/kube-network-policies/cmd", "queue-rules": "./queue-rules"},
        ),
        Tool("policy-engines", {"policy-engines": "."}),
    ]


def _stamps() -> tuple[str, ...]:
    major, minor, _patch = (version := kubernetes_version()).split(".")
    return f"gitVersion=v{version}", f"gitMajor={major}", f"gitMinor={minor}", "gitTreeState=clean"


def binaries(say: Say, wanted: Sequence[Tool] | None = None) -> dict[str, Path]:
    """Every program of these tools by name, of tools() when none are named; built first where that was not done yet."""
    wanted = tools() if wanted is None else wanted
    ready = os.environ.get("LAB_BIN")
    if ready:
        return _ready_made(Path(ready).resolve(), wanted)
    found: dict[str, Path] = {}
    for tool in wanted:
        folder = _built(tool, say)
        found.update({program: folder / program for program in tool.programs})
    return found


def _ready_made(folder: Path, wanted: Sequence[Tool]) -> dict[str, Path]:
    found = {program: folder / program for tool in wanted for program in tool.programs}
    missing = [program for program, path in found.items() if not os.access(path, os.X_OK)]
    if missing:
        raise LabError(f"LAB_BIN={folder} has no {', '.join(missing)}")
    return found


def _built(tool: Tool, say: Say) -> Path:
    root = cache_root() / "bin"
    folder = root / f"{tool.name}-{tool.key()}"
    if folder.is_dir():
        return folder
    with _one_build_at_a_time(root, say) as lock:
        if not folder.is_dir():  # the holder of the lock may just have built it
            _build(tool, folder, lock, say)
    return folder


@contextmanager
def _one_build_at_a_time(root: Path, say: Say) -> Iterator[int]:
    root.mkdir(parents=True, exist_ok=True)
    with open(root / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for unfinished in root.glob(".building-*"):  # of a build that was killed: nobody else holds the lock
            shutil.rmtree(unfinished)
        yield lock.fileno()


def _build(tool: Tool, folder: Path, lock: int, say: Say) -> None:
    go = find_go(tool.go_version(), cache_root(), say)
    unfinished = folder.with_name(f".building-{folder.name}")
    unfinished.mkdir()
    programs = ", ".join(tool.programs)
    say(f"building {programs} from {tool.directory} (once; kept in {folder})")
    command: list[str | Path] = [go, "build", "-v", "-trimpath", "-mod=readonly", "-ldflags", tool.linker_flags()]
    command += ["-tags", ",".join(tool.tags)] if tool.tags else []
    command += ["-o", f"{unfinished}/", *tool.programs.values()]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    log = unfinished / "build.log"
    begun = time.monotonic()
    with open(log, "w") as output:
        process = subprocess.Popen(
            command,
            cwd=tool.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[lock],  # a compiler that outlives us keeps the lock until it stops writing
        )
        try:
            while not _ended(process, _TELL_EVERY):
                say(f"  still building {programs}: {_spent(begun)}, {_lines(log)} packages compiled")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise LabError(f"building {programs} failed after {_spent(begun)}:\n{tail}")
    for program, package in tool.programs.items():
        if package != ".":  # Go names a program after the last word of its package
            (unfinished / package.rpartition("/")[2]).rename(unfinished / program)
    unfinished.rename(folder)
    say(f"  built {programs} in {_spent(begun)}")


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _spent(begun: float) -> str:
    seconds = int(time.monotonic() - begun)
    return f"{seconds // 60}:{seconds % 60:02d}"
