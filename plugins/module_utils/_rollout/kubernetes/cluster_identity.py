# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which cluster a document is about, in words, and whether a connection leads to another one. Pure."""

from __future__ import annotations

from ..documents import ClusterName
from ..errors import RolloutError


def on_cluster(cluster: ClusterName | None) -> list[str]:
    """Which cluster it is, in a line; none where it is not known."""
    if cluster is None:
        return []
    names = [f"context {cluster['context']}"] if cluster["context"] else []
    names += [f"cluster {cluster['name']}"] if cluster["name"] else []
    return [f"On {', '.join([*names, cluster['server']])}"]


def refuse_another(planned: ClusterName | None, present: ClusterName) -> None:
    """RolloutError where the plan was made for another cluster. A plan that says nothing of its cluster is for any.

    An address is no proof: a tunnel's is the same for every cluster, and one cluster may have several. It counts only where a UID
    is not known.
    """
    if planned is None:
        return
    known = planned.get("uid") is not None and present["uid"] is not None
    same = planned["uid"] == present["uid"] if known else planned["server"] == present["server"]
    if same:
        return
    here, there = (_told(one) for one in (planned, present))
    how = (
        ""
        if known
        else (
            " Told by the addresses alone, because the UID of the namespace kube-system is not known of both: where they are one "
            "cluster, let the account get that namespace (docs/reference/rbac.yaml), and make the plan anew."
        )
    )
    raise RolloutError(
        f"plan: it was made for another cluster, nothing was written. The plan is for {here}; the connection leads to {there}. "
        f"Connect to the plan's cluster (kubeconfig, context), or make a plan for this one.{how}"
    )


def _told(cluster: ClusterName) -> str:
    uid = cluster.get("uid")
    return on_cluster(cluster)[0][len("On ") :] + (f" (kube-system {uid})" if uid else "")
