# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Gathers the facts of this host: files first, because they tell which questions the kernel may be asked."""

import os
import time
from typing import Any, Dict, Iterable, List, NamedTuple

from .checks.address import reach_of
from .checks.declaration import Check, Want
from .checks.modules import NAMES
from .checks.ports import ports_of
from .probes import namespace
from .probes.catalogue import find, questions
from .supervise import ask_all, attempt
from .sweeps import ethtool, files, modules, network, routes
from .sweeps.root import Root
from .sweeps.runtime import connects

# A local answer takes microseconds. Loading a module may take seconds on a slow card; a name (can-reach) as long as the resolver.
_ITEM_DEADLINE, _LOADING_DEADLINE = 5.0, 10.0


class Gathered(NamedTuple):
    facts: Dict[str, Dict[str, Any]]
    modules_loaded: List[str]


def gather(want: Want, checks: Iterable[Check], deadline: float, root: Any = None) -> Gathered:
    root = root or Root()
    until = time.monotonic() + deadline
    system = os.uname()
    facts: Dict[str, Dict[str, Any]] = {
        "euid": {"value": os.geteuid()},
        "clock": {"value": time.time()},
        "hostname": {"value": system.nodename},
        "kernel_release": {"value": system.release},
        "architecture": {"value": system.machine},
    }
    probes = list(dict.fromkeys(probe for check in checks if check.applies.holds(want) for probe in check.probes(want)))
    requests = {probe: find(probe).requests for probe in probes}
    asked = files.questions(root, system.release, want)
    asked.append(("modules", lambda: modules.survey(root, system.release, requests, NAMES)))
    asked += network.questions(root, reach_of(want.ip_autodetection), ports_of(want))
    asked += [("routes", routes.routes), ("rules", routes.rules)]
    asked.append(("cards", lambda: ethtool.cards(root)))
    if want.apiserver:
        asked.append(("apiserver", lambda: connects(want.apiserver, _ITEM_DEADLINE - 2)))
    # The last one: the child is in another namespace afterwards.
    asked.append(("namespace", namespace.make))
    facts.update(ask_all(asked, _ITEM_DEADLINE, until))

    unasked = {} if want.allow_module_load else unsafe(probes, facts)
    facts.update(unasked)
    before = attempt(lambda: modules.loaded_now(root))
    item_deadline = _LOADING_DEADLINE if want.allow_module_load else _ITEM_DEADLINE
    left = [probe for probe in probes if probe not in unasked]
    there = [probe for probe in left if find(probe).on_the_host]
    facts.update(ask_all(questions(there, item_deadline), item_deadline, until))
    left = [probe for probe in left if probe not in facts]
    facts.update(ask_all(questions(left, item_deadline), item_deadline, until, namespace.enter))
    after = attempt(lambda: modules.loaded_now(root))
    return Gathered(facts, sorted(set(after.get("value", ())) - set(before.get("value", ()))))


def unsafe(probes: Iterable[str], facts: Dict[str, Dict[str, Any]]) -> Dict[str, Dict[str, Any]]:
    """The probes that are not made, because they would have the kernel load a module, or might."""
    survey = facts["modules"].get("value")
    if survey is None:
        reason = "which modules a question would load cannot be told"
        return {probe: {"lost": reason, "remedy": "make /proc/modules and /lib/modules readable"} for probe in probes}
    if not survey["loadable"] or survey["disabled"] or survey["modprobe"] == "":
        # Nothing can be loaded, so everything may be asked.
        return {}
    if not survey["tree"] and not facts["same_mounts_as_init"].get("value"):
        # modprobe runs in init's file system, which has modules that are not seen here.
        reason = "the host's /lib/modules is not visible here, so a question might load modules"
        return {
            probe: {"lost": reason, "remedy": "run the check on the host itself, with become: true"} for probe in probes
        }
    return {probe: {"unexercised": pending} for probe, pending in survey["would_load"].items()}
