# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The rollout's lock: a Lease that a run takes in its first call, renews in each, and releases with its last.

It is in kube-system by default: the one namespace that every cluster has, before Calico, wherever tigera-operator runs. Two runs that are
set up differently meet there. The Leases of the control plane are there too, and the permission is bound to this one name.

A run is the process of ansible-playbook, for its calls are short processes. Both are noted in the Lease: as long as one of them lives,
the run may write. A call whose run was killed sees that, writes nothing more, and releases the Lease.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .._kube.client import ApiError, Cluster
from .._rollout.documents import LockSeen, LockState
from .._rollout.errors import RolloutError
from .._rollout.kubernetes.lease import LONGEST, SHORTEST, Holder, Process, Processes, Seen
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.reducer.lock import LockStanding
from .._rollout.text.terminal import printable
from . import lease as leases
from .lease import Lease, Place
from .processes import are_gone, of_this_machine, this_process

LONGEST_WAIT = 86400
LOOK_PAUSE = 1.0
"""Seconds between two looks at the least: a decision is taken at each change of the cluster."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")

LOCK_OPTIONS: dict[str, dict[str, Any]] = {
    "lock": {
        "type": "dict",
        "default": {},
        "options": {
            "namespace": {"type": "str", "default": "kube-system"},
            "name": {"type": "str", "default": "calico-ops-rollout"},
            "duration": {"type": "int", "default": 120},
        },
    },
}
RUN_OPTIONS: dict[str, dict[str, Any]] = {
    "run": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "machine": {"type": "str"},
            "pid": {"type": "int"},
            "started": {"type": "int"},
        },
    },
}


class LockSettings(NamedTuple):
    place: Place
    duration: int
    timeout: int


class Run(NamedTuple):
    """Whom a call belongs to."""

    holder: Holder
    process: Processes | None
    """The process that began it; None where this machine cannot tell whether it lives."""

    def goes_on(self) -> bool:
        return not are_gone(self.process)


def lock_place(options: Mapping[str, Any]) -> Place:
    given = options["lock"]
    for part in ("namespace", "name"):
        if not _NAME.match(given[part]):
            raise RolloutError(f'lock.{part}: "{printable(given[part])}" is no name that Kubernetes would take.')
    return Place(given["namespace"], given["name"])


def lock_settings(options: Mapping[str, Any]) -> LockSettings:
    """RolloutError says which option is wrong."""
    duration, timeout = options["lock"]["duration"], options["lock_timeout"]
    if not SHORTEST <= duration <= LONGEST:
        raise RolloutError(f"lock.duration: {duration} is not between {SHORTEST} and {LONGEST} seconds.")
    if not 0 <= timeout <= LONGEST_WAIT:
        raise RolloutError(f"lock_timeout: {timeout} is not between 0 and {LONGEST_WAIT} seconds.")
    return LockSettings(lock_place(options), duration, timeout)


def this_run(given: Mapping[str, Any] | None) -> Run:
    """As the action plugin names it. Without one the call is a run of its own."""
    if given is None:
        return Run(this_process(), None)
    here = of_this_machine(os.getpid())
    if here is None or given["machine"] != here.machine or not (given["pid"] and given["started"]):
        return Run(Holder(given["name"]), None)
    process = Processes(here.machine, (Process(given["pid"], given["started"]),))
    return Run(Holder(given["name"], Processes(here.machine, (*process.processes, *here.processes))), process)


def look(cluster: Cluster, place: Place) -> LockSeen:
    """The lock as it is, without a claim to it."""
    return _told(place, leases.read(cluster, place))


def look_if_allowed(cluster: Cluster, place: Place) -> tuple[LockSeen | None, str | None]:
    """The same, or why the account may not look."""
    try:
        return look(cluster, place), None
    except ApiError as error:
        if error.status != 403:
            raise
        return None, f"the account may not read it, which takes {right('get', place.path)}"


def unlock(cluster: Cluster, place: Place) -> LockSeen:
    """Take it from whoever holds it; how it was before. Another run that takes it in this moment keeps it."""
    return _told(place, leases.release(cluster, place))


def rights_to_unlock(place: Place) -> list[Right]:
    return [right(verb, place.path) for verb in ("get", "update")]


def _told(place: Place, found: Seen | None) -> LockSeen:
    held = found is not None and found.holder != ""
    return LockSeen(
        lease=f"{place.namespace}/{place.name}",
        holder=printable(found.holder) if found and held else None,
        since=found.acquired if found and held else None,
        renewed=found.renewed if found and held else None,
        gone=found is not None and held and are_gone(found.processes),
    )


def foreseen(cluster: Cluster, settings: LockSettings) -> list[str]:
    """For check mode, which takes no lock: whom a real run would wait for, in a sentence."""
    found = look(cluster, settings.place)
    if found["holder"] is None or found["gone"]:
        return []
    holds = f"{found['holder']} holds the rollout's lock ({settings.place}) since {found['since']}"
    return [f"{holds}. A real run would wait up to {settings.timeout} s for it"]


class Lock:
    """During one call. Whoever has it when the context ends without an error keeps it for the next call; `release` ends that."""

    def __init__(self, cluster: Cluster, settings: LockSettings, run: Run, before: LockState):
        self._settings = settings
        self._resumes = before["held_as"] == run.holder.name
        self._looked = -LOOK_PAUSE
        self._lease = Lease(
            cluster,
            settings.place,
            run.holder,
            settings.duration,
            watch=before["watched"],
            wanted=run.goes_on,
        )

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, exception: object, *_more: object) -> None:
        if exception is None:
            self._lease.leave()
        else:
            self.release()

    def wakes(self, wake: Callable[[], object]) -> None:
        """What is to be called when the lock is lost while the call waits."""
        self._lease.on_loss = wake

    def look(self) -> None:
        """Try to get it, unless this run has it, or had it."""
        now = time.monotonic()
        if self._lease.is_ours or self._lease.lost is not None or now - self._looked < LOOK_PAUSE:
            return
        self._looked = now
        if self._resumes:
            self._lease.resume()
        else:
            self._lease.try_to_take()

    def renew(self) -> None:
        """Right before a write: a lock that was ours a while ago does not do."""
        self._lease.renew()

    def release(self) -> None:
        self._lease.release()

    @property
    def standing(self) -> LockStanding:
        lease, name = self._lease, str(self._settings.place)
        if lease.lost is not None:
            return LockStanding(name, lost=lease.lost)
        if lease.is_ours:
            return LockStanding(name, held_as=lease.holder.name)
        other = lease.other
        return LockStanding(
            name,
            holder=printable(other.holder) if other else "",
            since=other.acquired or "" if other else "",
            watched=lease.watch,
            timeout=self._settings.timeout,
        )
