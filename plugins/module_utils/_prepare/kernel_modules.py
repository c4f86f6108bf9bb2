# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which modules are to be loaded, and why others cannot be. Pure."""

from typing import Dict, List, NamedTuple, Optional, Tuple

from .._precheck.facts import Facts
from .._precheck.host.sweeps.modules import ABSENT, BLOCKED, BUILT_IN, LOADABLE, LOADED
from .._precheck.rules.packages import package_of
from .._precheck.rules.remedies import where_from
from .facts import HostFacts
from .needs import ModuleNeed

_WIREGUARD_SINCE = (5, 6)


class Unmet(NamedTuple):
    """What the host was to have and cannot get here, with what somebody can do about it."""

    what: str
    reason: str
    remedy: str
    package: Optional[str] = None


class Modules(NamedTuple):
    load: List[str]
    """Not there yet, and can be loaded."""
    at_boot: List[str]
    """Everything that is a module on this host, loaded or not."""
    unmet: List[Unmet]
    notes: List[str]


def plan(facts: HostFacts, needs: List[ModuleNeed]) -> Modules:
    survey = facts.modules
    if not survey["loadable"]:
        return Modules([], [], [], ["this kernel has no modules: what it has is built in, and nothing can be loaded"])
    if not survey["tree"]:
        what = f"/lib/modules/{facts.release}"
        remedy = "reboot into the kernel that is installed, or install the modules of the running one"
        return Modules([], [], [Unmet(what, "no modules are installed for the running kernel", remedy)], [])
    load, at_boot, unmet = [], [], []
    for need in needs:
        states = {name: survey["states"].get(name, ABSENT) for name in need.names}
        if BUILT_IN in states.values():
            continue
        found = _first(states, LOADED) or _first(states, LOADABLE)
        if found is None:
            unmet.append(_missing(facts, need, states))
            continue
        at_boot.append(found)
        if states[found] == LOADABLE:
            if survey["disabled"]:
                unmet.append(_disabled(found))
            else:
                load.append(found)
    return Modules(_each_once(load), _each_once(at_boot), unmet, [])


def _missing(facts: HostFacts, need: ModuleNeed, states: Dict[str, str]) -> Unmet:
    blocked = _first(states, BLOCKED)
    if blocked:
        where = facts.modules["blocked"][blocked]
        remedy = f"take what keeps {blocked} from loading out of {where}"
        remedy += " and reboot" if where == "/proc/cmdline" else ""
        return Unmet(blocked, f"blocked by {where}", remedy)
    broken = next((name for name, state in states.items() if state != ABSENT), None)
    if broken:
        reason = f"modules.dep of {facts.release} names it, but its file is missing"
        return Unmet(broken, reason, "install the kernel's modules again, or run depmod -a")
    name = need.names[0]
    if name == "wireguard" and _version(facts.release) < _WIREGUARD_SINCE:
        reason = f"kernel {facts.release} is older than WireGuard in the kernel (5.6)"
        return Unmet(name, reason, "boot a newer kernel, or install the module from elsewhere (DKMS, kmod-wireguard)")
    known = {"kernel_release": facts.release, "os_release": facts.system, "modules": facts.modules}
    system = Facts({key: {"value": value} for key, value in known.items()})
    remedy = where_from(system, f"module {name}", [name])
    reason = f"not installed for the running kernel {facts.release}"
    return Unmet(name, reason, remedy, package_of(facts.system, facts.release, name))


def _disabled(name: str) -> Unmet:
    reason = "on disk, but kernel.modules_disabled is 1: no module can be loaded until the next boot"
    return Unmet(name, reason, "persist it and reboot")


def _first(states: Dict[str, str], state: str) -> Optional[str]:
    return next((name for name, its in states.items() if its == state), None)


def _each_once(names: List[str]) -> List[str]:
    return sorted(set(names))


def _version(release: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
