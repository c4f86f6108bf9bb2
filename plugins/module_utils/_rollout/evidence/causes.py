# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One cause, one finding: what a host's checks found, by what the checks themselves declare as its cause. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..documents import CheckResult

_GRAVE = ("fail", "skipped", "warn")


class Finding(NamedTuple):
    """One cause on one host."""

    check: CheckResult
    """The check that reports it."""
    hindered: tuple[CheckResult, ...]
    """The other checks that the same cause fails or makes impossible, by rank."""

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        return (self.check, *self.hindered)


def by_cause(checks: Sequence[CheckResult]) -> list[Finding]:
    """By rank of the reporting check: the gravest; of equals the one with the cause's name, else the first by rank."""
    groups: dict[str, list[CheckResult]] = {}
    for check in sorted(checks, key=lambda one: one["rank"]):
        groups.setdefault(check["cause"] or check["id"], []).append(check)
    findings = []
    for cause, members in groups.items():
        gravest = min(_GRAVE.index(one["status"]) for one in members)
        graves = [one for one in members if _GRAVE.index(one["status"]) == gravest]
        teller = next((one for one in graves if one["id"] == cause), graves[0])
        findings.append(Finding(teller, tuple(one for one in members if one is not teller)))
    return sorted(findings, key=lambda one: one.check["rank"])
