# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging facts in one word."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import Judged, judge
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Judgement, conduct

from tests.unit.precheck.kernels import RawFacts, want

ALL = [check.id for check in CATALOGUE]


def judged(facts: RawFacts, **settings: Any) -> Judged:
    return judge(Facts(facts), want(**settings), ALL)


def judgement(check_id: str, facts: RawFacts, **settings: Any) -> Judgement:
    check = next(check for check in CATALOGUE if check.id == check_id)
    return conduct(check, Facts(facts), want(**settings))


def status(check_id: str, facts: RawFacts, **settings: Any) -> str:
    return judgement(check_id, facts, **settings).status
