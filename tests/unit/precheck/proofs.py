# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a check can find a host, as its code has it, and what shows that it does: hosts of the lab, and recorded answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from types import CodeType, FunctionType

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules import declaration
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Check

from tests.lab.faulty_hosts import FAULTY
from tests.lab.hosts import HostSpec
from tests.lab_tests.hosts.test_host_faults import OUTCOMES, SPECS
from tests.unit.precheck.faults import FAULTS

VERDICTS = ("fail", "warn")
"""The worst first."""
_CHECKS = tuple(declaration.__name__.replace(".rules.declaration", f".{package}.") for package in ("checks", "rules"))


def worst(check: Check) -> str:
    """The worst verdict that its judgement, or a function that this calls, gives; `skipped` where it can only find evidence missing."""
    given = {function.__name__ for function in _called(check.judge) if function.__module__ == declaration.__name__}
    return next((verdict for verdict in VERDICTS if verdict in given), "skipped")


def in_the_lab() -> dict[str, dict[str, str]]:
    """By check, the hosts that really have its fault, and the verdict on each."""
    found: dict[str, dict[str, str]] = {}
    for host, one in FAULTY.items():
        for check, status in one.told.items():
            found.setdefault(check, {})[host] = status
    return found


def in_fixtures() -> dict[str, set[str]]:
    """By check, the verdicts on hosts whose answers are recorded."""
    found: dict[str, set[str]] = {}
    for check, _facts, _settings, status in FAULTS:
        found.setdefault(check, set()).add(status)
    return found


def without_a_result() -> Iterator[tuple[str, str, str]]:
    """Hosts of the lab that give none: name, what is out of order, and what the report calls it."""
    for spec in SPECS:
        outcome, _reason = OUTCOMES[spec.name]
        if outcome != "passed":
            yield spec.name, _out_of_order(spec), outcome.strip("()").replace("|", " or ")


def _out_of_order(spec: HostSpec) -> str:
    healthy = HostSpec(spec.name)
    changed = [one.name for one in fields(spec) if getattr(spec, one.name) != getattr(healthy, one.name)]
    return ", ".join(f"{name}={getattr(spec, name)!r}" for name in changed)


def _called(function: object, known: set[FunctionType] | None = None) -> Iterator[FunctionType]:
    """The function and all of the checks' own that it names, theirs included."""
    known = set() if known is None else known
    if not isinstance(function, FunctionType) or function in known or not function.__module__.startswith(_CHECKS):
        return
    known.add(function)
    yield function
    if function.__module__ != declaration.__name__:
        for name in _names(function.__code__):
            yield from _called(function.__globals__.get(name), known)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
