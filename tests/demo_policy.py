# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of network policy on the lab, told step by step: a node is Ready, enforces nothing, and packets find that out."""

from __future__ import annotations

import re
import sys

from tests.demo import ROLLS_OUT, Story, play
from tests.lab.pods import faults
from tests.lab.pods.traffic import SERVE, run_pods
from tests.lab.topologies import POLICY

OPEN = "edge-1"


def tell(story: Story) -> None:
    edge = next(host for host in story.lab.hosts if host.name == OPEN)
    story.chapter(
        "The cluster as it was handed over",
        "Three nodes with real kubelets, whose pods reach each other. Network policy is to come with Calico; in the lab another engine",
        "stands for it, kube-network-policies. On edge-1 somebody's firewall keeps every packet from that engine.",
    )
    run_pods(story.lab.admin, {"web": edge}, {"app": "web"}, SERVE)
    story.nodes()

    story.chapter(
        "The rollout",
        "Each batch gets Ready, and then it has to prove policy: pods on its nodes connect to each other before, under and after",
        "policies that deny and allow.",
    )
    code, output = story.rollout(since=ROLLS_OUT)
    text = " ".join(output.split())
    story.holds("policy is proven on the first batch", bool(re.search(r"core-1 +done +2/2 +2/2, \d+ ms", output)))
    story.holds("the rollout ends with edge-1, by name", code != 0 and f"{OPEN} (open: " in text)
    story.holds("and with the workload that runs there without policy", f"1 on {OPEN} (default/web)" in text)

    story.chapter(
        "Who else would have told?", "Nobody. calico-node is Ready on each of the three nodes, edge-1 among them:"
    )
    _code, pods = story.run("kubectl", "get", "pods", "-n", "calico-system", "-l", "k8s-app=calico-node", "-o", "wide")
    story.holds("calico-node is Ready on three nodes", len(re.findall(r"\s1/1\s+Running\s", pods)) == 3)

    story.chapter(
        "The cure", "The firewall's rules are taken away on edge-1, and the same command goes on where the cluster is."
    )
    faults.track(edge)
    code, output = story.rollout(since=ROLLS_OUT)
    story.holds(
        "policy is proven on edge-1, and the rollout ends with 0", code == 0 and bool(re.search(r"1/1, \d+ ms", output))
    )
    _code, left = story.run("kubectl", "get", "pods,networkpolicies", "-n", "calico-ops-policy-probe")
    story.holds("the probes leave nothing behind", "No resources found" in left)


def main() -> int:
    return play("demo-policy", "policy", POLICY, tell, __doc__)


if __name__ == "__main__":
    sys.exit(main())
