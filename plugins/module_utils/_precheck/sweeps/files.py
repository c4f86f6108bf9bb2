# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the host's files say: identity, firewalld, CNI configuration, mounts."""

import json
import os
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import modules
from .root import Root
from .services import runs

_ZONE_FOLDERS = ("/usr/lib/firewalld/zones", "/etc/firewalld/zones")  # the later one wins
_SYSTEM_UUID = (
    # In the kubelet's order, as the Node shows what it found: DMI, the device tree, and where there is neither the machine id.
    "/sys/class/dmi/id/product_uuid",
    "/proc/device-tree/system-id",
    "/proc/device-tree/vm,uuid",
    "/etc/machine-id",
)


def questions(root: Root, release: str, cni_conf_dir: str, cni_bin_dir: str) -> List[Tuple[str, Callable[[], Any]]]:
    return [
        ("os_release", lambda: os_release(root)),
        ("kernel_options", lambda: modules.options(root, release)),
        ("machine_id", lambda: root.line("/etc/machine-id") or root.line("/var/lib/dbus/machine-id")),
        ("system_uuid", lambda: _system_uuid(root)),
        ("boot_id", lambda: root.line("/proc/sys/kernel/random/boot_id")),
        ("fqdn", lambda: fqdn(root, os.uname().nodename)),
        ("nodename_file", lambda: root.line("/var/lib/calico/nodename")),
        ("firewalld_active", lambda: runs(root, "firewalld")),
        ("firewalld_trusted", lambda: firewalld_trusted(root)),
        ("cni_configuration", lambda: cni_configuration(root, cni_conf_dir)),
        ("cni_bin_dir", lambda: file_system(root, cni_bin_dir)),
        ("bpffs", lambda: bpffs(root)),
        ("cgroups", lambda: cgroups(root)),
        ("platform", lambda: platform(root)),
        ("same_mounts_as_init", lambda: os.readlink("/proc/self/ns/mnt") == os.readlink("/proc/1/ns/mnt")),
    ]


def os_release(root: Root) -> Dict[str, str]:
    text = root.read("/etc/os-release") or root.read("/usr/lib/os-release") or ""
    found = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {
        key: value.strip().strip("\"'") for key, value in found if key in ("ID", "ID_LIKE", "VERSION_ID", "VARIANT_ID")
    }


def fqdn(root: Root, hostname: str) -> str:
    """From the host's own files: a resolver may take long to answer, or not answer at all."""
    if "." in hostname:
        return hostname
    for line in (root.read("/etc/hosts") or "").splitlines():
        names = line.partition("#")[0].split()[1:]
        if hostname in names:
            return next((name for name in names if name.startswith(hostname + ".")), hostname)
    return hostname


def _system_uuid(root: Root) -> Optional[str]:
    found = next((value for value in map(root.line, _SYSTEM_UUID) if value), None)
    return found.lower() if found else None


def firewalld_trusted(root: Root) -> Dict[str, List[str]]:
    """Interfaces and sources of the zones that accept everything."""
    texts: Dict[str, str] = {}
    for folder in _ZONE_FOLDERS:
        texts.update(
            (name, root.read("{}/{}".format(folder, name)) or "") for name in root.list(folder) if name.endswith(".xml")
        )
    accepting = [text for name, text in sorted(texts.items()) if re.search(r"<zone\b[^>]*target=\"ACCEPT\"", text)]
    return {
        "interfaces": sorted(set(re.findall(r"<interface\s+name=\"([^\"]+)\"", "".join(accepting)))),
        "sources": sorted(set(re.findall(r"<source\s+[^>]*?address=\"([^\"]+)\"", "".join(accepting)))),
    }


def cni_configuration(root: Root, folder: str) -> List[Dict[str, Any]]:
    """The files that a container runtime considers, in its order, each with the types of its plugins; None if it cannot be parsed."""
    names = [name for name in root.list(folder) if name.endswith((".conf", ".conflist", ".json"))]
    return [{"file": name, "types": _plugin_types(root.read("{}/{}".format(folder, name)) or "")} for name in names]


def _plugin_types(text: str) -> Optional[List[str]]:
    try:
        document = json.loads(text)
        plugins = document.get("plugins", [document])
        return [str(plugin.get("type", "")) for plugin in plugins]
    except (ValueError, AttributeError, TypeError):
        return None


def file_system(root: Root, path: str) -> Dict[str, Any]:
    """The file system under a directory that may not be there yet: the nearest parent that is."""
    existing = path
    while not root.is_directory(existing) and existing not in ("/", ""):
        existing = os.path.dirname(existing)
    root.is_a_hosts()
    stat = os.statvfs(root.at(existing))
    return {
        "path": existing,
        "read_only": bool(stat.f_flag & os.ST_RDONLY),
        "no_exec": bool(stat.f_flag & os.ST_NOEXEC),
        "free": stat.f_bavail * stat.f_frsize,
    }


def bpffs(root: Root) -> Dict[str, bool]:
    mounts = [line.split() for line in (root.read("/proc/mounts") or "").splitlines()]
    types = (root.read("/proc/filesystems") or "").split()
    return {
        "directory": root.is_directory("/sys/fs/bpf"),
        "supported": "bpf" in types,
        "mounted": any(len(mount) > 2 and mount[1] == "/sys/fs/bpf" and mount[2] == "bpf" for mount in mounts),
    }


def cgroups(root: Root) -> Dict[str, bool]:
    """Which hierarchies init has mounted, and whether the kernel knows cgroup v2 at all."""
    mounts = root.read("/proc/1/mountinfo") or root.read("/proc/self/mountinfo") or ""
    types = [line.partition(" - ")[2].split(" ")[0] for line in mounts.splitlines()]
    return {
        "v1": "cgroup" in types,
        "v2": "cgroup2" in types,
        "supported": "cgroup2" in (root.read("/proc/filesystems") or "").split(),
    }


def platform(root: Root) -> Dict[str, Optional[str]]:
    """Who made the machine, by DMI or the device tree; null where it does not say."""
    names = ("sys_vendor", "product_name", "chassis_asset_tag")
    found = {name: root.line("/sys/class/dmi/id/" + name) for name in names}
    return {**found, "model": root.line("/proc/device-tree/model")}
