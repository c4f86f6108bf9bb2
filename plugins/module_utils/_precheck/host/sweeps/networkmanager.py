# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. NetworkManager: does it run, and which devices is it told to leave alone."""

import fnmatch
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Set, Tuple

from .lines import value_of
from .root import Root
from .services import runs

# NetworkManager.conf(5), in the order of reading: a later file's value replaces an earlier one's, `unmanaged-devices+=` adds to it.
_BEFORE, _MAIN, _AFTER = (
    ("/usr/lib/NetworkManager/conf.d", "/run/NetworkManager/conf.d"),
    "/etc/NetworkManager/NetworkManager.conf",
    "/etc/NetworkManager/conf.d",
)
_NO = ("0", "no", "false", "off")
# Type and driver of Calico's devices as NetworkManager calls them, by how their names begin.
_KINDS = (
    ("cali", "veth", "veth"),
    ("tunl", "iptunnel", "ipip"),
    ("vxlan", "vxlan", "vxlan"),
    ("w", "wireguard", "wireguard"),
)


def survey(root: Root) -> Dict[str, Any]:
    """`unmanaged`: the device specifications of `unmanaged-devices`. `sections`: those on devices, the one that is asked first first."""
    if not runs(root, "NetworkManager"):
        return {"running": False, "unmanaged": [], "sections": [], "managed_cali": []}
    texts = configuration(root)
    return {
        "running": True,
        "unmanaged": unmanaged(texts),
        "sections": sections(texts),
        "managed_cali": managed_cali(root),
    }


def configuration(root: Root) -> List[str]:
    """The texts of its files, in the order in which it reads them. A file hides one of the same name in an earlier folder."""
    listed = {folder: [one for one in root.list(folder) if one.endswith(".conf")] for folder in (*_BEFORE, _AFTER)}
    hidden: Set[str] = set(listed[_AFTER])
    paths: List[str] = []
    for folder in reversed(_BEFORE):
        paths = [f"{folder}/{name}" for name in listed[folder] if name not in hidden] + paths
        hidden.update(listed[folder])
    paths += [_MAIN, *(f"{_AFTER}/{name}" for name in listed[_AFTER])]
    return [root.read(path) or "" for path in paths]


def _settings(text: str) -> Iterator[Tuple[str, str, str]]:
    """Section, name and value of each line."""
    section = ""
    for line in text.splitlines():
        if line.strip().startswith("["):
            section = line.strip(" \t[]")
        name, equals, value = line.partition("=")
        if equals and name.strip()[:1] not in ("#", ";", ""):
            yield section, name.strip(), value.strip()


def _listed(value: str) -> List[str]:
    return [spec.strip() for spec in value.replace(",", ";").split(";") if spec.strip()]


def unmanaged(texts: Iterable[str]) -> List[str]:
    found: List[str] = []
    for section, name, value in (setting for text in texts for setting in _settings(text)):
        if section == "keyfile" and name.strip(" \t+") == "unmanaged-devices":
            found = found + _listed(value) if name.endswith("+") else _listed(value)
    return found


def sections(texts: Iterable[str]) -> List[Dict[str, Any]]:
    """The sections whose names begin with `device`: which devices, null for all, and whether they are managed, null where that is open.

    Within a file they are asked from the top, with plain [device] last; what a later file says is asked first.
    """
    found: List[Dict[str, Any]] = []
    for text in texts:
        named: Dict[str, Dict[str, Any]] = {}
        for section, name, value in _settings(text):
            if section.startswith("device"):
                one = named.setdefault(section, {"match": None, "managed": None, "stop": False})
                if name == "match-device":
                    one["match"] = _listed(value)
                elif name == "managed":
                    one["managed"] = value.lower() not in _NO
                elif name == "stop-match":
                    one["stop"] = value.lower() not in _NO
        plain = [named.pop("device")] if "device" in named else []
        found = [*named.values(), *plain, *found]
    return found


def left_alone(device: str, specifications: List[str], sections: Sequence[Dict[str, Any]] = ()) -> bool:
    """Whether NetworkManager leaves a device of Calico's alone, by `unmanaged-devices` or by a section on devices."""
    if _matches(device, specifications):
        return True
    for section in sections:
        if section["match"] is None or _matches(device, section["match"]):
            if section["managed"] is not None:
                return not section["managed"]
            if section["stop"]:
                return False
    return False


def _matches(device: str, specifications: List[str]) -> bool:
    """By name, type and driver; what asks for an address of the hardware fits none of Calico's devices."""
    matched = False
    for specification in specifications:
        excepted = specification.startswith("except:")
        hit = _hits(device, specification[7:] if excepted else specification)
        if hit and excepted:
            return False
        matched = matched or hit
    return matched


def _hits(device: str, body: str) -> bool:
    kind, driver = next(((kind, driver) for start, kind, driver in _KINDS if device.startswith(start)), ("", ""))
    for prefix, known in (("type:", kind), ("driver:", driver)):
        if body.startswith(prefix):
            # A driver's version may follow it.
            return fnmatch.fnmatchcase(known, body[len(prefix) :].partition("/")[0])
    pattern = body[len("interface-name:") :] if body.startswith("interface-name:") else body
    # "=" asks for the very name.
    return device == pattern[1:] if pattern.startswith("=") else fnmatch.fnmatchcase(device, pattern)


def managed_cali(root: Root) -> List[str]:
    """Calico's devices that NetworkManager has taken into its care, by its state of each device.

    It writes a device's state when the device becomes unmanaged, disconnected or activated (src/core/nm-manager.c): `managed` is a
    boolean, and is left out for what nobody but a rule or the configuration keeps from it (nm_config_device_state_write).
    """
    found = []
    for name in root.list("/sys/class/net"):
        if name.startswith(("cali", "tunl0", "vxlan.calico", "wireguard.cali")):
            index = root.line(f"/sys/class/net/{name}/ifindex") or ""
            state = root.read(f"/run/NetworkManager/devices/{index}") or ""
            if value_of(state, "managed") == "true":
                found.append(name)
    return found
