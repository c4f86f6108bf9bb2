# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. From the kernel's answers to what a check may say about them."""

import errno
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..facts import IPSET_ERR_FIND_TYPE, Answer, Facts
from ..host.no_evidence import NoEvidence
from ..host.probes.catalogue import NETFILTER
from ..host.sweeps.modules import LOADABLE
from .declaration import Judgement, ok, ok_unexercised

REFUSED = "the kernel refuses netfilter netlink: it lacks CONFIG_NETFILTER_NETLINK (module nfnetlink), or a seccomp policy refuses it"


class Evidence(NamedTuple):
    """Exactly one of the three: it works, its modules could be loaded, or it is broken."""

    works: bool
    loadable: List[str]
    broken: Optional[str]
    answer: Answer

    def well(self, message: str) -> Judgement:
        """The judgement where nothing is broken: by the kernel's answer, or by the files."""
        return ok_unexercised(self.loadable) if self.loadable else ok()


def evidence(facts: Facts, probe: str) -> Evidence:
    """What is known about the feature that this probe asks for."""
    answer = facts.answer(probe)
    if answer.unexercised:
        blocked = unusable(facts, answer.unexercised)
        return Evidence(False, [] if blocked else answer.unexercised, blocked, answer)
    return Evidence(answer.granted, [], None if answer.granted else str(answer), answer)


def either(facts: Facts, probes: Tuple[str, ...]) -> Evidence:
    """The best of several ways to the same feature."""
    found: List[Evidence] = []
    silent: Optional[NoEvidence] = None
    for probe in probes:
        try:
            found.append(evidence(facts, probe))
        except NoEvidence as missing:
            silent = missing
    best = sorted(found, key=lambda one: (not one.works, not one.loadable))
    if silent and not (best and best[0].works):
        raise silent
    return best[0]


def unusable(facts: Facts, modules: List[str]) -> Optional[str]:
    """Why one of these modules cannot be loaded, although the kernel has it; None when all can."""
    survey = facts["modules"]
    states: Dict[str, str] = survey["states"]
    for name in modules:
        if states.get(name) == LOADABLE:
            continue
        where = survey["blocked"].get(name)
        by = f" by {where}" if where else ""
        return f"module {name} is {states.get(name, 'unknown')}{by}"
    return None


def left_behind(facts: Facts, probe: str) -> List[Any]:
    """What a look at the host's own namespace found. Where its module is not there, nothing can have been left."""
    found = facts.answer(probe)
    if found.unexercised or subsystem_absent(found) or found.errno == errno.EPROTONOSUPPORT:
        return []
    if not found.granted:
        raise NoEvidence(f"{probe} could not be read: {found}", "look for what hinders it in the host's kernel log")
    return list(found.value)


def netfilter_refused(facts: Facts) -> Optional[str]:
    """How the kernel refused the socket through which everything in netfilter is asked; None when it did not."""
    found = evidence(facts, NETFILTER)
    return found.broken


def subsystem_absent(answer: Answer) -> bool:
    """nfnetlink answers EINVAL to the first message for a subsystem that nobody registered."""
    return answer.errno == errno.EINVAL


def type_absent(answer: Answer) -> bool:
    return answer.errno == IPSET_ERR_FIND_TYPE


def built_without(facts: Facts, option: str) -> str:
    """A clause that names the cause, where the kernel's configuration can be read and says so."""
    return f" ({option} is not set)" if facts.get("kernel_options", {}).get(option) == "n" else ""
