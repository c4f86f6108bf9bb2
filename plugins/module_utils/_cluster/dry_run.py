# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Writes of Nodes tried by a server-side dry run: what denies them is known before the first one, and in check mode.

A ValidatingAdmissionPolicy or a webhook (Kyverno, Gatekeeper, a cloud's own) judges the object, not the right to write it, so no
access review foretells it. A dry run goes through the same admission and ends before the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .._kube.client import ApiError, Cluster
from .._kube.writes import NOT_TRIED, Write, WriteOutcome, write_all
from .._rollout.kubernetes.sample import Carried, representatives
from .._rollout.text.terminal import listed

MOST = 100
"""Writes tried. On 5,000 nodes, all of them would load every webhook as the rollout itself does. They would take 100 s, at the default
rate of 50 a second; these take 2 s. sample says how a hundred can stand for all."""
DRY_RUN = {"dryRun": "All"}
NAMES_SHOWN = 5


@dataclass(frozen=True)
class Trial:
    meant: int
    """Writes that it stands for."""
    complete: bool
    """None of those that stand for them was left out for want of time."""
    tried: list[str]
    denied: dict[str, ApiError]
    """The API server's no, which the real write would meet too."""
    passing: dict[str, ApiError]
    """No verdict at this moment: a webhook that is down, an API server that restarts."""
    untriable: dict[str, ApiError]
    """A webhook that allows no dry run, so that only the real write meets it."""

    def notes(self) -> list[str]:
        """What somebody has to know who relies on it, a sentence each."""
        told = []
        if self.meant > len(self.tried):
            told.append(
                f"by a dry run {len(self.tried)} of the {self.meant} writes of Nodes were tried, on nodes that carry "
                "between them all labels and taints of the others"
            )
        if self.untriable:
            told.append(
                f"the write of {_nodes(self.untriable)} cannot be tried by a dry run ({first_words(self.untriable)}), "
                "so only the real write tells whether it is allowed"
            )
        return told


def try_writes(
    cluster: Cluster,
    writes: Sequence[Write],
    carried: Mapping[str, Carried],
    rate: float,
    concurrency: int,
    *,
    deadline: float | None = None,
) -> Trial:
    """Try the writes by a dry run, or a hundred that stand for them. Nothing is stored.

    :param carried: by node what it carries: see sample
    :param deadline: instant (monotonic) after which no further one begins
    """
    by_name = {write.name: write for write in writes}
    chosen = representatives(list(by_name), carried, MOST)
    dry = [replace(by_name[name], query={**(by_name[name].query or {}), **DRY_RUN}) for name in chosen]
    outcomes = write_all(cluster, dry, rate, concurrency, deadline=deadline, until_passing=True)
    return judged(outcomes, len(by_name))


def judged(outcomes: Mapping[str, WriteOutcome], meant: int) -> Trial:
    """How the trial of so many writes went, from the outcomes of those that were chosen."""
    errors = {name: outcome.error for name, outcome in outcomes.items() if outcome.error is not None}
    # A node that is gone (404) is not denied anything.
    told = {name: error for name, error in errors.items() if error.reason != NOT_TRIED and error.status != 404}
    untriable = {name: error for name, error in told.items() if error.forbids_dry_run}
    rest = {name: error for name, error in told.items() if name not in untriable}
    return Trial(
        meant=meant,
        complete=all(error.reason != NOT_TRIED for error in errors.values()),
        tried=[name for name in outcomes if name not in errors or name in told],
        denied={name: error for name, error in rest.items() if not error.is_passing},
        passing={name: error for name, error in rest.items() if error.is_passing},
        untriable=untriable,
    )


def denial(errors: Mapping[str, ApiError]) -> str:
    """Which nodes, and the API server's words, which name the policy or webhook."""
    return f"{_nodes(errors)}: {first_words(errors)}"


def first_words(errors: Mapping[str, ApiError]) -> str:
    """Each answer once, at most three; the same answer about two nodes differs in their names."""
    alike: dict[str, str] = {}
    for name, error in errors.items():
        alike.setdefault(error.said.replace(name, ""), error.said)
    return "; ".join(list(alike.values())[:3])


def _nodes(errors: Mapping[str, ApiError]) -> str:
    names = sorted(errors)
    return f"node {names[0]}" if len(names) == 1 else f"{len(names)} nodes ({listed(names, NAMES_SHOWN)})"
