# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate as modules wait at it, saying when it knows of each change. A program of its own.

Prints "node time-of-transition monotonic-seconds" for each row of the readiness table that is not what it was, until it is killed.
"""

from __future__ import annotations

import sys
import time

from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.observe import Observer
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.wait import Expectation, await_ready
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Observation, Readiness


class Recording(Expectation):
    """An expectation that tells what each verdict brought."""

    def judge(self, observation: Observation) -> Readiness:
        readiness = super().judge(observation)
        now = time.monotonic()
        rows = {row["node"]: str(row["since"]) for row in readiness["nodes"]}
        before: dict[str, str] = getattr(self, "_before", {})
        object.__setattr__(self, "_before", rows)
        if not before:
            print("watching", flush=True)
            return readiness
        news = [f"{node} {since} {now!r}" for node, since in rows.items() if before.get(node) != since]
        if news:
            print("\n".join(news), flush=True)
        return readiness


def main() -> None:
    kubeconfig, key, value, seconds = sys.argv[1:]
    deadline = time.monotonic() + float(seconds)
    expectation = Recording({"key": key, "value": value}, selector=f"{key}={value}")
    with Observer(Cluster(Connection({"kubeconfig": kubeconfig})), deadline) as observer:
        await_ready(expectation, observer, deadline, soak=0)


if __name__ == "__main__":
    main()
