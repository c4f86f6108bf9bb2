# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One run at a time in a namespace of probes: another one takes part in it only once this one no longer renews its Lease."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from ..._kube.client import Cluster
from ..._rollout.errors import RolloutError
from ..._rollout.text.terminal import printable
from .. import lease as leases
from ..lease import Lease, Place
from ..processes import this_process

NAME = "policy-probe"
DURATION = 15


@contextlib.contextmanager
def held(cluster: Cluster, namespace: str) -> Iterator[Lease]:
    """For as long as the context lasts. RolloutError where another run renews the Lease."""
    lease = Lease(cluster, Place(namespace, NAME), this_process(), DURATION)
    first = None
    while not lease.try_to_take():
        other = lease.other
        first = first or other
        if other is not None and first is not None and other.version != first.version:
            raise RolloutError(
                f"{printable(other.holder)} probes network policy in the namespace {namespace} already, and renews its Lease "
                f"{NAME}. One run at a time: wait for its end, or give this one another namespace."
            )
        time.sleep(leases.LOOK_EVERY)
    try:
        yield lease
    finally:
        lease.release()


def check(lease: Lease) -> None:
    if lease.lost is not None:
        raise RolloutError(
            f"The {lease.place} was lost while the probe ran ({lease.lost}), so what it saw may be another run's doing. Run it "
            "again."
        )
