# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. PID 1 of a lab host. Run by the machine's own Python as a program; nothing imports it.

It reads its orders as one JSON line, makes the namespaces, prints the pid of the new PID 1, builds the root filesystem,
prints "built" and waits for the line "go", which says that the host's network card is in place. When the other end goes
away before that line, it ends: a lab that is killed half-way leaves no host behind.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import sys
import time
from typing import Any

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x04000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 0x1000, 0x4000, 0x40000, 0x100000
MNT_DETACH = 2
SYS_MOUNT_SETATTR = 442  # the same number on every architecture; since Linux 5.12
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1

SECONDS_TO_END = 2.0
DEVICES = {
    "null": (1, 3, 0o666),
    "zero": (1, 5, 0o666),
    "full": (1, 7, 0o666),
    "random": (1, 8, 0o666),
    "urandom": (1, 9, 0o666),
    "kmsg": (1, 11, 0o644),
    "tty": (5, 0, 0o666),
    "net/tun": (10, 200, 0o666),
}
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# A lab host starts as a machine that neither Calico nor the lab has seen, whatever the machine underneath has here.
NEVER_SEEN = ("/etc/cni/net.d", "/var/lib/cni", "/var/lib/calico", "/home/ops")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    checked(
        libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()),
        f"mount {source} on {target}",
    )


def bind(source: str, target: str, flags: int = 0) -> None:
    mount(source, target, flags=MS_BIND | flags)


def read_only(path: str) -> None:
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    checked(
        libc.syscall(
            ctypes.c_long(SYS_MOUNT_SETATTR),
            ctypes.c_long(AT_FDCWD),
            path.encode(),
            ctypes.c_long(AT_RECURSIVE),
            ctypes.byref(attributes),
            ctypes.c_long(ctypes.sizeof(attributes)),
        ),
        f"make {path} read-only",
    )


def build_root(workspace: str) -> None:
    """Lay a writable layer over the machine's root. It is memory of this mount namespace and ends with it."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount("tmpfs", workspace, "tmpfs", options="mode=0755")
    os.chdir(workspace)  # relative names below: a path with a colon or a comma would be read as an option
    for folder in ("upper", "work", "root"):
        os.mkdir(folder)
    mount("overlay", "root", "overlay", options="lowerdir=/,upperdir=upper,workdir=work")
    os.chdir("root")


def build_views() -> None:
    """Mount what a booted machine has: /proc, /sys, /dev, /run, /tmp. The new root is where we are, not yet "/"."""
    mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for folder in os.listdir("proc/sys"):
        if folder != "net":  # net.* is the host's own; all the rest is the machine's and is kept safe
            bind("proc/sys/" + folder, "proc/sys/" + folder)
            read_only("proc/sys/" + folder)
    mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if os.path.isdir("/sys/fs/cgroup"):
        bind("/sys/fs/cgroup", "sys/fs/cgroup", MS_REC)
    read_only("sys")
    if os.path.isdir("sys/fs/bpf"):
        mount("bpf", "sys/fs/bpf", "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")
    for folder, mode in (("run", "0755"), ("tmp", "1777")):
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=" + mode)
    build_devices()


def mount_folders(mounted: dict[str, str]) -> None:
    """Bind folders of the machine, which is still "/", into the new root."""
    for place, source in mounted.items():
        os.makedirs(place.lstrip("/"), exist_ok=True)
        bind(source, place.lstrip("/"))


def build_devices() -> None:
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=0755")
    for folder in ("net", "pts", "shm"):
        os.mkdir("dev/" + folder)
    for name, (major, minor, mode) in DEVICES.items():
        os.mknod("dev/" + name, stat.S_IFCHR, os.makedev(major, minor))
        os.chmod("dev/" + name, mode)
    for name, target in DEVICE_LINKS.items():
        os.symlink(target, "dev/" + name)
    mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")


def enter_root() -> None:
    """pivot_root, not chroot: whoever enters the mount namespace later lands in its root, and that must be this one."""
    checked(libc.pivot_root(b".", b"."), "pivot_root")
    checked(libc.umount2(b".", MNT_DETACH), "leave the machine's root")
    os.chdir("/")
    mount("none", "/", flags=MS_REC | MS_SHARED)  # as systemd leaves a machine; there is no peer outside this namespace


def write_files(files: list[dict[str, Any]]) -> None:
    for path in NEVER_SEEN:
        shutil.rmtree(path, ignore_errors=True)
    for file in files:
        path = file["path"]
        make_folder(os.path.dirname(path), file["owner"])
        if os.path.lexists(path):
            os.unlink(path)  # never through a link into somewhere else
        with open(path, "w") as stream:
            stream.write(file["content"])
        os.chmod(path, file["mode"])
        os.chown(path, file["owner"], file["owner"])


def make_folder(path: str, owner: int) -> None:
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path), owner)
        os.mkdir(path)
        os.chown(path, owner, owner)


def replace_identity(identities: dict[str, str]) -> None:
    """Put files of our own over what the kernel says of the machine (boot id, product UUID)."""
    os.mkdir("/run/identity", 0o755)
    for path, content in identities.items():
        stand_in = "/run/identity/" + os.path.basename(path)
        with open(stand_in, "w") as stream:
            stream.write(content + "\n")
        os.chmod(stand_in, stat.S_IMODE(os.stat(path).st_mode))
        bind(stand_in, path)


def run(*command: str) -> None:
    status = os.waitpid(os.posix_spawnp(command[0], command, os.environ, setsigmask=[]), 0)[1]
    if status != 0:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with wait status {status}")


def refuse(calls: list[dict[str, Any]]) -> None:
    """From here on these system calls fail for everybody on this host, as on a kernel that does not have them."""
    import site

    site.main()  # this program runs without site-packages for its quick start; libseccomp's binding lies there
    import seccomp

    refusal = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    refusal.set_attr(seccomp.Attr.CTL_NNP, 0)  # no_new_privs would take the set-user-id bit from sudo
    for one in calls:
        matching = [seccomp.Arg(int(place), seccomp.EQ, value) for place, value in one["arguments"].items()]
        refusal.add_rule(seccomp.ERRNO(one["errno"]), one["call"], *matching)
    refusal.load()


def supervise(signals: set[signal.Signals], daemon: int) -> None:
    """Reap until told to end, or until sshd is gone: a host nobody can log in to must not look alive."""
    while signal.sigwait(signals) == signal.SIGCHLD:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == daemon:
                sys.exit(f"sshd ended with wait status {status}")
            if pid == 0:
                break


def end_everything() -> None:
    """Ask all processes to end; what is left goes with PID 1, by the kernel's hand."""
    os.kill(-1, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        except ChildProcessError:
            return


def live_as_host(orders: dict[str, Any]) -> None:
    signals = {signal.SIGTERM, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.setsid()
    os.umask(0o022)
    build_root(orders["workspace"])
    build_views()
    mount_folders(orders["mounted"])
    enter_root()
    socket.sethostname(orders["name"])
    write_files(orders["files"])
    replace_identity(orders["identities"])
    print("built", flush=True)
    if sys.stdin.readline() != "go\n":
        sys.exit("the lab went away before this host was connected")
    for command in orders["network"]:
        run(*command)
    print("connected", flush=True)
    silent = os.open("/dev/null", os.O_RDWR)
    os.dup2(silent, 0)
    os.dup2(silent, 1)
    if orders["refused"]:
        refuse(orders["refused"])
    os.mkdir("/run/sshd", 0o755)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    daemon = os.posix_spawn(orders["daemon"][0], orders["daemon"], environment, setsigmask=[])
    supervise(signals, daemon)
    end_everything()


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    checked(libc.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    until_announced, announcer = os.pipe()
    child = os.fork()
    if child:
        print(child, flush=True)
        return  # and the pipe closes
    os.close(announcer)
    os.read(until_announced, 1)
    os.close(until_announced)
    live_as_host(orders)


if __name__ == "__main__":
    main()
