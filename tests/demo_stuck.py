# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rescue on the lab, told step by step: Calico on 20 nodes, stuck because one of them cannot run it."""

from __future__ import annotations

import re
import sys

from tests.demo import ADMITTED, ROLLS_OUT, Story, play
from tests.lab.recorder import judge, recorded
from tests.lab.topologies import STUCK


def tell(story: Story) -> None:
    story.chapter(
        "The cluster as it was handed over",
        "Calico runs on 20 nodes, installed without any selector. On edge-5 calico-node never gets ready, so TigeraStatus/calico",
        "never becomes Available: installers, GitOps and the next upgrade of Calico all wait for that one node.",
    )
    story.run("kubectl", "get", "daemonset", "-n", "calico-system", "calico-node")
    code, _output = story.run("kubectl", "wait", "--for=condition=Available", "tigerastatus/calico", "--timeout=10s")
    story.holds("TigeraStatus/calico is not Available", code != 0)
    story.lab.record_pods()

    story.chapter(
        "First, what would happen",
        "Check mode asks every host over SSH and plays the whole rollout through. Every node with a Ready calico-node is adopted,",
        "also edge-4, whose kernel looks unfit, and the twelve nodes in the field that nobody has an SSH host for. What restarts,",
        "and for how long, is told before anything is written.",
    )
    code, output = story.rollout("--check")
    story.holds("check mode ends with 0", code == 0)
    story.holds("what restarts is told first", "restarts calico-node once on 19 nodes, 4 at a time" in _flat(output))
    admitted = story.run("kubectl", "get", "nodes", "-o", "name", "-l", ADMITTED)[1]
    story.holds("and who is rid of it", "takes calico-node, which is not ready there, from edge-5" in _flat(output))
    story.holds("nothing was written", not re.findall("^node/", admitted, re.MULTILINE))

    story.chapter(
        "The rescue",
        "Nineteen nodes get the label first. Only then the selector is set, once; it takes calico-node from edge-5 alone and",
        "restarts it on the others, four at a time.",
    )
    code, output = story.rollout(since=ROLLS_OUT)
    story.holds("the rollout ends with 0", code == 0)
    story.holds("edge-5 stays outside, named with the cause", "edge-5: precheck_failed" in output)
    story.holds("edge-4 is adopted all the same, and named", "edge-4: precheck_failed" in output)

    story.chapter("The cluster afterwards", "Nobody waits for edge-5 any more:")
    story.nodes()
    code, _output = story.run("kubectl", "wait", "--for=condition=Available", "tigerastatus/calico", "--timeout=60s")
    story.holds("TigeraStatus/calico is Available", code == 0)
    verdict = judge(recorded(story.lab.pod_record))
    print(f"What a witness wrote down beside it: {verdict.text}.", flush=True)
    story.holds("no node lost a Ready calico-node but by the rolling update", not verdict.broken)
    limit = "jsonpath={.spec.nodeUpdateStrategy.rollingUpdate.maxUnavailable}"
    story.holds(
        "maxUnavailable is 1 again", story.run("kubectl", "get", "installation", "default", "-o", limit)[1] == "1"
    )

    story.changes_nothing()


def _flat(output: str) -> str:
    """Text that was wrapped, to the terminal's width or into items of a list, in one line."""
    return " ".join(re.sub(r"[\"',]?\n\s*(- )?[\"']?", " ", output).split())


def main() -> int:
    return play("demo-stuck", "stuck", STUCK, tell, __doc__)


if __name__ == "__main__":
    sys.exit(main())
