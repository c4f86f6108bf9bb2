# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to summarize 1,000 hosts in every form, and to tell the status of 5,000 nodes outside. No cluster is needed."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence.precheck_report import assemble
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_junit import precheck_junit
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_markdown import (
    precheck_markdown,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.precheck_text import precheck_text
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.admission_record import Admitted
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.status.cluster_status import cluster_status
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

from tests.bench.figures import Figure
from tests.fleets import full_size_answers
from tests.unit.rollout.builders import LABEL, bare, facts

HOSTS, NODES = 1000, 5000
NOW = 1767229200.0


def run(repetitions: int) -> list[Figure]:
    answers, names = full_size_answers(HOSTS), [f"n-{number}" for number in range(NODES)]
    observation = bare(names)
    for name in names:
        observation["nodes"][name]["uid"] = "another"
    record = {name: Admitted("one", "b", "p") for name in names}
    nodes = [facts(name) for name in names]

    def tell() -> object:
        return cluster_status(nodes, observation, (), None, LABEL, NOW, record=record)

    return [
        Figure(
            f"{HOSTS} hosts, every page", median(lambda: pages(answers), repetitions), "s of processor", at_most=2.0
        ),
        Figure(f"status of {NODES} nodes outside", median(tell, repetitions), "s of processor", at_most=5.0),
    ]


def pages(answers: dict[str, Any]) -> None:
    report = assemble(answers)
    for page in (precheck_text, precheck_markdown, precheck_junit, precheck_page):
        page(report)
    json.dumps(report, indent=4)


def median(work: Callable[[], object], repetitions: int) -> float:
    """Of the processor's time: all of it is reckoning, and what else the machine does is not what is measured."""
    took = []
    for _turn in range(repetitions):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took)
