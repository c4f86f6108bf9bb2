# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. NetworkManager: does it run, and which devices is it told to leave alone."""

import fnmatch
from typing import Any, Dict, List

from .lines import value_of
from .root import Root
from .services import runs

# Read in this order; a later file's value replaces an earlier one's, `unmanaged-devices+=` adds to it.
_FOLDERS = ("/usr/lib/NetworkManager/conf.d", "/run/NetworkManager/conf.d", "/etc/NetworkManager/conf.d")
_MAIN = "/etc/NetworkManager/NetworkManager.conf"


def survey(root: Root) -> Dict[str, Any]:
    if not runs(root, "NetworkManager"):
        return {"running": False, "unmanaged": [], "managed_cali": []}
    return {"running": True, "unmanaged": unmanaged(root), "managed_cali": managed_cali(root)}


def unmanaged(root: Root) -> List[str]:
    """The device specifications of `unmanaged-devices`."""
    texts: Dict[str, str] = {}
    for folder in _FOLDERS:
        # A file of the same name in a later folder replaces the earlier one.
        texts.update(
            (name, root.read("{}/{}".format(folder, name)) or "")
            for name in root.list(folder)
            if name.endswith(".conf")
        )
    found: List[str] = []
    for text in [root.read(_MAIN) or "", *(texts[name] for name in sorted(texts))]:
        section = ""
        for line in text.splitlines():
            if line.strip().startswith("["):
                section = line.strip(" \t[]")
            name, _equals, value = line.partition("=")
            if section == "keyfile" and name.strip(" \t+") == "unmanaged-devices":
                listed = [spec.strip() for spec in value.replace(",", ";").split(";") if spec.strip()]
                found = found + listed if name.strip().endswith("+") else listed
    return found


def left_alone(device: str, specifications: List[str]) -> bool:
    """Whether NetworkManager leaves a device of this name alone; by the rules on names, the others cannot be judged here."""
    matched = False
    for specification in specifications:
        body = specification[7:] if specification.startswith("except:") else specification
        pattern = body[len("interface-name:") :] if body.startswith("interface-name:") else body
        # "=" asks for the very name.
        hit = device == pattern[1:] if pattern.startswith("=") else fnmatch.fnmatchcase(device, pattern)
        if hit and specification.startswith("except:"):
            return False
        matched = matched or hit
    return matched


def managed_cali(root: Root) -> List[str]:
    """Calico's devices that NetworkManager has taken into its care, by its state of each device.

    It writes a device's state when the device becomes unmanaged, disconnected or activated (src/core/nm-manager.c): `managed` is a
    boolean, and is left out for what nobody but a rule or the configuration keeps from it (nm_config_device_state_write).
    """
    found = []
    for name in root.list("/sys/class/net"):
        if name.startswith(("cali", "tunl0", "vxlan.calico", "wireguard.cali")):
            index = root.line("/sys/class/net/{}/ifindex".format(name)) or ""
            state = root.read("/run/NetworkManager/devices/{}".format(index)) or ""
            if value_of(state, "managed") == "true":
                found.append(name)
    return found
