# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Gathers the facts of this host: files first, because they decide which probes the kernel may get."""

import os
import time
from functools import partial
from typing import Any, Dict, Iterable, Mapping

from .probes.catalogue import Probe, Session, find
from .supervise import Facts, Questions, ask_all, attempt
from .sweeps import ethtool, files, modules, network, paths, routes
from .sweeps.root import Root
from .sweeps.runtime import speaks_tls

# A local answer takes microseconds. Loading a module may take seconds on a slow card; a name (can-reach) as long as the resolver.
_ITEM_DEADLINE, _LOADING_DEADLINE = 5.0, 10.0


def gather(asked: Mapping[str, Any], root: Any = None) -> Dict[str, Any]:
    """What this host answers to `asked`, a document as asked.py of the controller makes it.

    - facts: what was found, by name. Each is {"value": ...}, or {"errno", "text"} with which the kernel refused, or
      {"unexercised": [module]}, the modules that asking would have loaded, or {"lost": why there is no answer, "remedy": ...}
    - modules_loaded: kernel modules that are loaded now and were not before
    - duration: seconds
    """
    started = time.monotonic()
    root = root or Root()
    system = os.uname()
    facts: Facts = {
        "euid": {"value": os.geteuid()},
        "clock": {"value": round(time.time(), 3)},
        "hostname": {"value": system.nodename},
        "kernel_release": {"value": system.release},
        "architecture": {"value": system.machine},
    }
    item_deadline = _LOADING_DEADLINE if asked["allow_module_load"] else _ITEM_DEADLINE
    probes = {name: find(name) for name in asked["probes"]}
    of_files = _of_files(asked, root, system.release, probes)
    session = Session(item_deadline)

    def left(known: Facts) -> Questions:
        files_left = [one for one in of_files if one[0] not in known]
        return files_left or _of_the_kernel(probes, {**known, **unasked(known)}, session)

    def unasked(known: Facts) -> Facts:
        return {} if asked["allow_module_load"] else unsafe(probes, {**facts, **known})

    before = attempt(lambda: modules.loaded_now(root))
    facts.update(ask_all(left, item_deadline, started + asked["deadline"]))
    after = attempt(lambda: modules.loaded_now(root))
    facts.update(unasked(facts))
    return {
        "facts": facts,
        "modules_loaded": sorted(set(after.get("value", ())) - set(before.get("value", ()))),
        "duration": round(time.monotonic() - started, 3),
    }


def _of_files(asked: Mapping[str, Any], root: Root, release: str, probes: Mapping[str, Probe]) -> Questions:
    requests = {name: probe.requests for name, probe in probes.items()}
    questions = files.questions(root, release, asked["cni_conf_dir"], asked["directories"])
    questions.append(("paths", lambda: paths.survey(root, asked["paths"])))
    questions.append(("modules", lambda: modules.survey(root, release, requests, asked["modules"])))
    questions += network.questions(root, asked["reach"], asked["ports"])
    questions += [("routes", routes.routes), ("rules", routes.rules), ("cards", lambda: ethtool.cards(root))]
    if asked["apiserver"]:
        questions.append(("apiserver", lambda: speaks_tls(asked["apiserver"], _ITEM_DEADLINE - 2)))
    return questions


def _of_the_kernel(probes: Mapping[str, Probe], known: Facts, session: Session) -> Questions:
    """Those about the host's own network namespace, and after them those in a new one: there is no way back."""
    left = [(name, probe) for name, probe in probes.items() if name not in known]
    there: Questions = [(name, partial(probe.ask, session)) for name, probe in left if probe.on_the_host]
    if there:
        return there
    entering: Questions = [] if "namespace" in known else [("namespace", session.namespace)]
    return [*entering, *((name, partial(session.inside, probe.ask)) for name, probe in left)]


def unsafe(probes: Iterable[str], facts: Facts) -> Facts:
    """The probes that are not made, because they would have the kernel load a module, or might."""
    survey = facts["modules"].get("value")
    if survey is None:
        reason = "which modules a question would load cannot be told"
        return _withheld(probes, reason, "make /proc/modules and /lib/modules readable")
    if not survey["loadable"] or survey["disabled"] or survey["modprobe"] == "":
        # Nothing can be loaded, so every probe may be made.
        return {}
    if survey["tree"]:
        return {probe: {"unexercised": pending} for probe, pending in survey["would_load"].items()}
    if not facts["same_mounts_as_init"].get("value"):
        # modprobe runs in init's file system, which has modules that are not seen here.
        reason = "the host's /lib/modules is not visible here, so a question might load modules"
        return _withheld(probes, reason, "run the check on the host itself, with become: true")
    if survey["none_to_load"]:
        return {}
    reason = "the modules of the running kernel are at no place that is known, so a question might load some"
    remedy = f"link them to /lib/modules/{facts['kernel_release'].get('value', '')}, or allow_module_load: true"
    return _withheld(probes, reason, remedy)


def _withheld(probes: Iterable[str], reason: str, remedy: str) -> Facts:
    """All but those that ask for no module."""
    return {probe: {"lost": reason, "remedy": remedy, "cause": "modules"} for probe in probes if find(probe).requests}
