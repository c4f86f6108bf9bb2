# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is on the host now: everything that a plan is made of, read once."""

import fnmatch
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .._precheck.host.sweeps import files, modules
from .._precheck.host.sweeps.root import Root
from . import drop_ins, saved_state
from .needs import moved_by
from .request import Asked
from .saved_state import Memory
from .sysctl import plain

# Where sysctl.d(5) looks; a file in an earlier directory hides one of the same name in a later one.
_SYSCTL_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
# `sysctl --system` reads it last of all; systemd through a link that sorts after us.
_SYSCTL_CONF = "/etc/sysctl.conf"
_DEFAULT_ROUTE, _BY_ADVERTISEMENT = "0" * 32, 0x00040000  # RTF_ADDRCONF


class HostFacts(NamedTuple):
    release: str
    machine: str
    system: Dict[str, str]
    """Of os-release."""
    modules: Dict[str, Any]
    """_precheck's survey."""
    sysctls: Dict[str, str]
    """Values now of what is wanted, remembered, or changes along; a key that the kernel has not is not in it."""
    advertised: List[str]
    """Interfaces over which a router's advertisement gave IPv6 its default route."""
    drop_ins: Dict[str, Optional[str]]
    later: List[Tuple[str, str]]
    """Files that are applied after our sysctls, in that order."""
    memory: Memory


def gather(root: Root, release: str, machine: str, asked: Asked) -> HostFacts:
    remembered = saved_state.parse(root.read(saved_state.PATH))
    advertised = _advertised(root.read("/proc/net/ipv6_route") or "")
    keys = [need.key for need in asked.sysctl_needs] + list(remembered.sysctls) + list(map(accept_ra, advertised))
    names = {name for need in asked.module_needs for name in need.names}
    return HostFacts(
        release=release,
        machine=machine,
        system=files.os_release(root),
        modules=modules.survey(root, release, {}, names.union(remembered.modules)),
        sysctls=_values(root, [*keys, *_moving(root, moved_by(keys))]),
        advertised=advertised,
        drop_ins={path: root.read(path) for path in (drop_ins.SYSCTLS, drop_ins.MODULES)},
        later=_later(root),
        memory=remembered,
    )


def accept_ra(interface: str) -> str:
    return f"net/ipv6/conf/{interface}/accept_ra"


def _values(root: Root, keys: Iterable[str]) -> Dict[str, str]:
    found = {key: root.read("/proc/sys/" + key) for key in keys}
    return {key: plain(value) for key, value in found.items() if value is not None}


def _moving(root: Root, patterns: Iterable[str]) -> List[str]:
    found: List[str] = []
    for pattern in patterns:
        folder, _star, rest = pattern.partition("*")
        names = root.list("/proc/sys/" + folder) if rest else []
        found += [folder + name + rest for name in names] if rest else [pattern]
    return found


def _advertised(routes: str) -> List[str]:
    found = set()
    for words in map(str.split, routes.splitlines()):
        if (
            len(words) == 10
            and words[0] == _DEFAULT_ROUTE
            and words[1] == "00"
            and int(words[8], 16) & _BY_ADVERTISEMENT
        ):
            found.add(words[9])
    return sorted(found)


def _later(root: Root) -> List[Tuple[str, str]]:
    paths: Dict[str, str] = {}
    for folder in _SYSCTL_FOLDERS:
        for name in root.list(folder):
            if name.endswith(".conf"):
                paths.setdefault(name, f"{folder}/{name}")
    own = drop_ins.SYSCTLS.rpartition("/")[2]
    found = [paths[name] for name in sorted(paths) if name > own] + [_SYSCTL_CONF]
    return [(path, root.read(path) or "") for path in found]


def matching(sysctls: Dict[str, str], patterns: Iterable[str]) -> List[str]:
    return [key for key in sysctls if any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)]
