# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Who holds a Lease, when another may take it, and what is written into it then: client-go's leader election, without a clock.

As in tools/leaderelection/leaderelection.go of client-go:

- `setObservedRecord` notes when a record was first seen, and `isLeaseValid` adds the record's own duration to that. So a Lease expires if
  it has been seen unchanged for its duration. Its times are those of the holder's clock: they are shown, and never compared.
- `tryAcquireOrRenew` keeps acquireTime and leaseTransitions while the holder renews. A new holder sets the one and counts up the other.
- Every write is `LeaseLock.Update` (resourcelock/leaselock.go): the object as it was read, its resourceVersion included. So of two writers
  the API server refuses the second.
- `release` leaves an empty holderIdentity and a duration of one second.
- A holder gives up earlier (`RenewDeadline`, 10 s of 15) than another may take the Lease.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..documents.lock import LeaseWatched
from ..text.instant import moved
from .names import DOMAIN

ANNOTATION_PROCESSES = DOMAIN + "/processes"
"""On a Lease: the processes of its holder, so that one on the same machine sees that they are gone."""
SHORTEST, LONGEST = 10, 3600
"""Seconds that a Lease may last."""


class Process(NamedTuple):
    pid: int
    started: int
    """Clock ticks from the boot to its start: a pid is given again."""


class Processes(NamedTuple):
    """The processes of one holder. All of them are gone, or the holder may still write."""

    machine: str
    """Which kernel since which boot, and which PID namespace of it: elsewhere the same pid is another process."""
    processes: tuple[Process, ...]


class Holder(NamedTuple):
    name: str
    """Different for each run."""
    processes: Processes | None = None
    """None where this machine does not tell them: then a Lease that was left is free once it has expired."""


class Seen(NamedTuple):
    version: str
    holder: str
    """Empty where nobody holds it."""
    duration: float
    acquired: str | None
    """RFC 3339, by the clock of its holder, as the next one."""
    renewed: str | None
    processes: Processes | None


def seen(lease: Mapping[str, Any]) -> Seen:
    metadata, spec = lease["metadata"], lease.get("spec") or {}
    return Seen(
        version=str(metadata["resourceVersion"]),
        holder=str(spec.get("holderIdentity") or ""),
        duration=float(spec.get("leaseDurationSeconds") or 0),
        acquired=moved(spec.get("acquireTime"), 0),
        renewed=moved(spec.get("renewTime"), 0),
        processes=_processes((metadata.get("annotations") or {}).get(ANNOTATION_PROCESSES)),
    )


def watched(before: LeaseWatched | None, version: str, since_last_look: float) -> LeaseWatched:
    """What is known after another look.

    :param since_last_look: seconds in which this process watched; 0 at its first look
    """
    if before is None or before["version"] != version:
        return LeaseWatched(version=version, seconds=0.0)
    return LeaseWatched(version=version, seconds=before["seconds"] + since_last_look)


def is_free(lease: Seen, watch: LeaseWatched, ours: str, gone: bool) -> bool:
    """May the run of this name take the Lease?

    :param gone: its holder's processes were here, and none of them is left
    """
    if lease.holder in ("", ours) or gone:
        return True
    return watch["version"] == lease.version and watch["seconds"] >= lease.duration


def renew_every(duration: float) -> float:
    return duration / 6


def gives_up_after(duration: float) -> float:
    """Seconds without a renewal after which a holder writes no more: early enough that its last write is over before another's first."""
    return duration * 2 / 3


def taken(
    lease: Mapping[str, Any] | None, place: tuple[str, str], holder: Holder, duration: int, now: str
) -> dict[str, Any]:
    """The Lease as this holder writes it: taken from another, or renewed.

    :param lease: as it was read; None where there is none
    :param place: its namespace and name
    :param now: RFC 3339 with microseconds
    """
    namespace, name = place
    before: Mapping[str, Any] = lease or {"metadata": {"namespace": namespace, "name": name}}
    spec = before.get("spec") or {}
    again = spec.get("holderIdentity") == holder.name
    transitions = int(spec.get("leaseTransitions") or 0)
    written = {
        "holderIdentity": holder.name,
        "leaseDurationSeconds": duration,
        "acquireTime": (spec.get("acquireTime") if again else None) or now,
        "renewTime": now,
        "leaseTransitions": transitions if again or lease is None else transitions + 1,
    }
    processes = holder.processes
    text = None if processes is None else json.dumps([processes.machine, processes.processes], separators=(",", ":"))
    return _with(before, written, text)


def released(lease: Mapping[str, Any], now: str) -> dict[str, Any]:
    transitions = int((lease.get("spec") or {}).get("leaseTransitions") or 0)
    written = {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": now,
        "renewTime": now,
        "leaseTransitions": transitions,
    }
    return _with(lease, written, None)


def _with(lease: Mapping[str, Any], spec: dict[str, Any], processes: str | None) -> dict[str, Any]:
    """All that others have put into its metadata stays."""
    metadata = copy.deepcopy(dict(lease["metadata"]))
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != ANNOTATION_PROCESSES
    }
    metadata["annotations"] = {**annotations, **({ANNOTATION_PROCESSES: processes} if processes else {})}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _processes(text: Any) -> Processes | None:
    """Anyone with write access may put anything there. What is no list of processes is left aside."""
    try:
        machine, found = json.loads(text)
        processes = tuple(Process(*each) for each in found)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(machine, str) or not all(_is_number(number) for process in processes for number in process):
        return None
    return Processes(machine, processes) if processes else None


def _is_number(value: Any) -> bool:
    """A Python bool is an int."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
