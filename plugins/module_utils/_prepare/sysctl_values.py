# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which sysctls are to be written, what has to be remembered for it, and what puts everything back. Pure."""

from typing import Dict, List, NamedTuple, Optional, Tuple

from .facts import HostFacts, accept_ra, matching
from .kernel_modules import Unmet
from .needs import SysctlNeed, moved_by
from .saved_state import Remembered
from .sysctl import plain, shown

_ADVERTISED = "net/ipv6/conf/all/forwarding"


class Change(NamedTuple):
    key: str
    before: str
    after: str


class Sysctls(NamedTuple):
    targets: List[Tuple[str, str]]
    """What every key is to be at the end, in the order of writing: an earlier one may move a later one."""
    changes: List[Change]
    """Those that are not so yet."""
    at_boot: List[Tuple[str, str]]
    remembered: Dict[str, Remembered]
    unmet: List[Unmet]
    notes: List[str]


def unchanged(remembered: Dict[str, Remembered]) -> Sysctls:
    return Sysctls([], [], [], remembered, [], [])


def give(facts: HostFacts, needs: List[SysctlNeed]) -> Sysctls:
    unmet = [_absent(facts, need) for need in needs if need.required and need.key not in facts.sysctls]
    targets = [(need.key, plain(need.value)) for need in needs if need.key in facts.sysctls]
    targets += _router_that_listens(facts, targets)
    changes = _changes(facts, targets)
    notes: List[str] = []
    remembered = dict(facts.memory.sysctls)
    for key in _moving(facts, changes, dict(targets)):
        remembered[key] = _recalled(facts, key, None, notes)
    for change in changes:
        remembered[change.key] = _recalled(facts, change.key, change.after, notes)
    return Sysctls(targets, changes, targets, remembered, unmet, notes)


def put_back(facts: HostFacts) -> Sysctls:
    """Every value that is still ours becomes what it was; what others changed since stays, and is named."""
    notes: List[str] = []
    primary: List[Tuple[str, str]] = []
    moved: List[Tuple[str, str]] = []
    for key, one in facts.memory.sysctls.items():
        now = facts.sysctls.get(key)
        if now is None:
            continue  # An interface that is gone takes its settings with it.
        ours = one.ours is None or now == one.ours
        if not ours and now != one.before:
            notes.append(f"{shown(key)} is {now} now, not our {one.ours}: somebody changed it, it stays")
        (moved if one.moved else primary).append((key, one.before if ours else now))
    # Putting a primary back moves the others once more, so these follow, whether they changed or not.
    targets = primary + moved
    return Sysctls(targets, _changes(facts, targets), [], {}, [], notes)


def learnt(remembered: Dict[str, Remembered], now: Dict[str, str]) -> Dict[str, Remembered]:
    """The memory once it is known what the kernel moved along; also what stood there already, as putting back may move it."""
    return {
        key: one if one.ours is not None else one._replace(ours=now[key])
        for key, one in remembered.items()
        if one.ours is not None or key in now
    }


def _changes(facts: HostFacts, targets: List[Tuple[str, str]]) -> List[Change]:
    return [Change(key, facts.sysctls[key], value) for key, value in targets if facts.sysctls[key] != value]


def _moving(facts: HostFacts, changes: List[Change], wanted: Dict[str, str]) -> List[str]:
    """What the kernel will change along with these changes, unrequested."""
    found = matching(facts.sysctls, moved_by([change.key for change in changes]))
    return [key for key in found if key not in wanted]


def _recalled(facts: HostFacts, key: str, ours: Optional[str], notes: List[str]) -> Remembered:
    """What is put back one day: the value before our first hand on it, or the one that somebody gave it since."""
    now, known = facts.sysctls[key], facts.memory.sysctls.get(key)
    if known is None or now not in (known.before, known.ours):
        if known is not None and not known.moved:
            notes.append(f"{shown(key)} was {known.ours} by our hand and is {now}: somebody changed it")
        return Remembered(now, ours, ours is None)
    return known._replace(ours=ours, moved=ours is None)


def _router_that_listens(facts: HostFacts, targets: List[Tuple[str, str]]) -> List[Tuple[str, str]]:
    """A host that forwards believes no router's advertisement any more, and loses its default route, unless told 2."""
    if (_ADVERTISED, "1") not in targets:
        return []
    keys = [accept_ra(interface) for interface in facts.advertised]
    # 0: a daemon in user space hears the advertisements itself.
    return [(key, "2") for key in keys if facts.sysctls.get(key) in ("1", "2") and key not in dict(targets)]


def _absent(facts: HostFacts, need: SysctlNeed) -> Unmet:
    name = shown(need.key)
    if need.key.startswith("net/ipv6/"):
        return Unmet(name, "this kernel has not it: IPv6 is off", "boot without ipv6.disable=1, or have no IPv6 pool")
    return Unmet(name, "this kernel has not it", "load the module that brings it (extra_modules), or leave it out")
