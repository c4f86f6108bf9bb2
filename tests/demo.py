# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job on the lab, told step by step: a clean install on seven hosts, one of which cannot run Calico."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from tests.lab.binaries import binaries
from tests.lab.claims import claimed_lab
from tests.lab.lab import Lab
from tests.lab.topologies import DEMO, Topology

SCENARIOS = Path(__file__).resolve().parent.parent / "molecule"
ADMITTED = "rollout.calico-ops.dev/admitted"
ROLLS_OUT = "Admit one batch after the other"
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


class Story:
    """Runs the steps, shows what a user would see, and remembers what did not hold."""

    def __init__(self, lab: Lab, scenario: str) -> None:
        self.lab = lab
        self.variables = SCENARIOS / scenario / "vars.yml"
        self.broken: list[str] = []
        # kubectl looks as an administrator would; the collection has its own account and no more rights than docs/reference/rbac.yaml.
        self.environment = {
            **os.environ,
            "PATH": f"{binaries(print)['kubectl'].parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(lab.admin_kubeconfig),
            "K8S_AUTH_KUBECONFIG": str(lab.kubeconfig),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_PIPELINING": "true",
        }

    def chapter(self, title: str, *lines: str) -> None:
        print(f"\n\033[1m== {title} ==\033[0m", *lines, "", sep="\n", flush=True)

    def holds(self, promise: str, kept: bool) -> None:
        print(f"{'holds' if kept else 'BROKEN'}: {promise}", flush=True)
        if not kept:
            self.broken.append(promise)

    def run(self, *command: str, since: str | None = None) -> tuple[int, str]:
        """Show the command and its output as it comes; give its exit code and output.

        :param since: a task of a playbook; what comes before it was shown before and is left out
        """
        print(f"$ {' '.join(command)}", flush=True)
        lines = []
        shown = since is None
        with subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                if not shown and line.startswith("TASK ") and f": {since}]" in line:
                    shown = True
                    print("[...]\n")
                if shown:
                    print(line, end="", flush=True)
                lines.append(line)
        if not shown:
            print(*lines, sep="", end="")
        print(flush=True)
        return process.returncode, "".join(lines)

    def rollout(self, *arguments: str, since: str | None = None) -> tuple[int, str]:
        return self.run(
            "ansible-playbook",
            "-i",
            str(self.lab.inventory),
            "calico_ops.rollout.rollout",
            "-e",
            f"@{self.variables.relative_to(Path.cwd())}",
            *arguments,
            since=since,
        )

    def changes_nothing(self) -> None:
        """The last chapter but one of every story."""
        self.chapter("The same command again", "Nothing is left to do, so nothing is changed.")
        code, output = self.rollout(since="Show the report")
        changed = {host: int(count) for host, count in RECAP.findall(output)}
        self.holds(
            "the second run ends with 0 and changes nothing", code == 0 and changed != {} and not any(changed.values())
        )

    def nodes(self) -> str:
        return self.run("kubectl", "get", "nodes", "-L", ADMITTED)[1]


def tell(story: Story) -> None:
    story.chapter(
        "The cluster as it was handed over",
        "Seven nodes without a network, and no Calico yet: all NotReady. Somebody wants Calico on them tonight.",
    )
    story.nodes()

    story.chapter(
        "The rollout",
        "Every host is checked over SSH; the nodes that can run Calico are admitted batch by batch, core nodes first;",
        "the Installation is created once, with the selector in it. The kernel of edge-4 refuses what Calico needs.",
    )
    code, output = story.rollout()
    story.holds("the rollout ends with 0", code == 0)
    story.holds("edge-4 is named with the cause", "edge-4" in output and "netfilter" in output)
    through = re.findall(r"^batch \d/4 (\S+) is through, .*; \d\d:\d\d", output, re.MULTILINE)
    story.holds("a line tells when each batch is through", through == ["core-1", "core-2", "edge-1"])
    story.holds("and how long the rest takes", bool(re.search("^batch .*, about .* left$", output, re.MULTILINE)))

    story.chapter("The cluster afterwards", "Six nodes run Calico. edge-4 is as it was, and nobody waits for it:")
    table = story.nodes()
    ready = re.findall(r"^(\S+)\s+Ready\s", table, re.MULTILINE)
    story.holds(
        "three core and three edge nodes are Ready",
        ready == [f"core-{n}" for n in (1, 2, 3)] + [f"edge-{n}" for n in (1, 2, 3)],
    )
    story.run("kubectl", "get", "daemonset,deployment", "-n", "calico-system", "-o", "wide")
    story.run("kubectl", "wait", "--for=condition=Available", "tigerastatus/calico", "--timeout=30s")

    story.changes_nothing()

    story.chapter(
        "A mistake that would hurt",
        "Somebody scopes the Installation to another label, which no node carries. Without this collection calico-node",
        "would be gone from six nodes within seconds, and TigeraStatus would say Available.",
    )
    scope = json.dumps({"admission_label": {"key": "example.com/calico", "value": "yes"}})
    code, output = story.run("ansible", "localhost", "-m", "calico_ops.rollout.installation_scope", "-a", scope)
    named = all(f"{tier}-{number}" in output for tier in ("core", "edge") for number in (1, 2, 3))
    story.holds("it is refused, by the names of the nodes that would lose Calico", code != 0 and named)


def play(name: str, scenario: str, topology: Topology, tell: Callable[[Story], None], description: str | None) -> int:
    """Bring up a lab, tell the story on it, take it down; the exit code says whether all of it held."""
    parser = argparse.ArgumentParser(prog=f"make {name}", description=description)
    parser.add_argument("--keep", action="store_true", help="leave the lab running, to look around")
    parser.add_argument("--apart", action="store_true", help="in a lab of this run alone, beside one that was kept")
    arguments = parser.parse_args()
    with claimed_lab("-demo") if arguments.apart else nullcontext(Lab(name)) as lab:
        lab.down()
        return _told(Story(lab, scenario), topology, tell, keep=arguments.keep)


def _told(story: Story, topology: Topology, tell: Callable[[Story], None], *, keep: bool) -> int:
    lab = story.lab
    story.chapter(
        "A lab on this machine",
        f"A real control plane (etcd, API server, controllers, scheduler) and {len(topology.hosts)} hosts with an SSH server each.",
        "tigera-operator has a stand-in, and what a kubelet does is simulated; all else is the real thing.",
    )
    try:
        topology.bring_up(lab)
        tell(story)
    finally:
        if keep:
            print(
                f"\nThe lab runs on: export KUBECONFIG={lab.admin_kubeconfig}; `make lab-down NAME={lab.name}` ends it."
            )
        else:
            lab.down()
    story.chapter("Did it hold?", *([f"not kept: {promise}" for promise in story.broken] or ["Everything held."]))
    return 1 if story.broken else 0


def main() -> int:
    return play("demo", "default", DEMO, tell, __doc__)


if __name__ == "__main__":
    sys.exit(main())
