# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What hardening and containment leave of a host's abilities."""

import os
from typing import Any, Dict, List, Optional

from .lines import value_of
from .root import Root
from .services import runs

_OWN = ("calico", "felix", "bird")
_AUDIT, _TAIL = "/var/log/audit/audit.log", 262144
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_MODULE": 16, "CAP_SYS_ADMIN": 21}


def security(root: Root) -> Dict[str, Any]:
    enforcing = root.line("/sys/fs/selinux/enforce") == "1"
    lockdown = (root.read("/sys/kernel/security/lockdown") or "").partition("[")[2].partition("]")[0]
    return {
        "selinux_enforcing": enforcing,
        "selinux_containers": any(map(root.exists, _container_policies(root))),
        "denials": denials(root) if enforcing else [],
        "booted": _booted(root),
        "lockdown": lockdown or "none",
        "fapolicyd": runs(root, "fapolicyd"),
    }


def _container_policies(root: Root) -> List[str]:
    stores = [f"/var/lib/selinux/{name}/active/modules" for name in ("targeted", "mls")]
    policies = [f"{store}/{priority}/container" for store in stores for priority in root.list(store)]
    return [*policies, "/usr/share/selinux/packages/container.pp.bz2", "/usr/share/selinux/packages/container.pp"]


def denials(root: Root) -> List[str]:
    """The latest refusals of SELinux that name something of Calico's. With permissive=1 nothing was refused, only written down."""
    try:
        with open(root.at(_AUDIT), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        if not root.exists(_AUDIT):
            return []
        raise type(error)(error.errno, _AUDIT) from error
    refused = [line for line in lines if "avc:  denied" in line and "permissive=1" not in line]
    return [line for line in refused if any(name in line for name in _OWN)][-3:]


def _booted(root: Root) -> Optional[int]:
    """When, in seconds since 1970."""
    words = value_of(root.read("/proc/stat") or "", "btime", " ")
    return int(words) if words and words.isdigit() else None


def capabilities(root: Root) -> List[str]:
    """Which of those that the checks and calico-node want this process has."""
    found = value_of(root.read("/proc/self/status") or "", "CapEff", ":")
    if not found:
        root.is_a_hosts()
        return []
    return sorted(name for name, bit in CAPABILITIES.items() if int(found, 16) & (1 << bit))


def container(root: Root) -> Optional[str]:
    """What kind of container this host is itself; none on a machine."""
    told = root.line("/run/systemd/container")
    if told:
        return told
    environment = root.line_or_none("/proc/1/environ") or ""
    return next((one[len("container=") :] for one in environment.split("\0") if one.startswith("container=")), None)
