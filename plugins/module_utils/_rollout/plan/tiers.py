# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Tiers and exclusions as the user wrote them, checked and made ready for use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Callable, NamedTuple

from ..documents import Exclusion, OnFailure, TierSettings
from ..documents.given import refuse_unknown_keys
from ..errors import RolloutError
from .selection import Selection, read_selection

DEFAULT_BATCH_SIZE = 2
DEFAULT_BUDGET = "10%"

_TIER_KEYS = ("name", "selector", "match", "batch_size", "canary", "failure_budget", "on_failure")
ON_FAILURE: tuple[OnFailure, ...] = ("halt", "quarantine")
_TIER_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,48}[A-Za-z0-9])?\Z")
_PERCENTAGE = re.compile(r"([0-9]{1,3})\s*%\Z")

OfNodes = Callable[[int], int]
"""A number of nodes, given how many there are."""


class Tier(NamedTuple):
    name: str
    selection: Selection
    sizes: tuple[OfNodes, ...]
    """Of one batch after the other, given how many nodes of the tier are admitted; the last one holds for all that follow."""
    canaries: int | None
    """How many nodes at least go ahead of the others; null for no canaries at all."""
    budget: OfNodes
    """The number of nodes that may be left out, given how many the tier has."""
    on_failure: OnFailure | None
    """None where the user left it to the plan."""


class Rule(NamedTuple):
    selection: Selection
    reason: str


def read_tiers(tiers: Sequence[TierSettings]) -> list[Tier]:
    if not tiers:
        raise RolloutError("tiers: at least one tier is needed, for instance {name: all, selector: ''}.")
    read = [_tier(tier, f"tiers[{index}]") for index, tier in enumerate(tiers)]
    seen: set[str] = set()
    for tier in read:
        if tier.name in seen:
            raise RolloutError(
                f"tiers: two tiers are named {tier.name}. Batches are named after their tier: give each its own name."
            )
        seen.add(tier.name)
    return read


def read_exclusions(exclusions: Sequence[Exclusion]) -> list[Rule]:
    rules = []
    for index, exclusion in enumerate(exclusions):
        where = f"exclusions[{index}]"
        refuse_unknown_keys(exclusion, ("selector", "match", "reason"), where)
        selection = read_selection(exclusion, where)
        if selection is None or not selection.text.strip():
            raise RolloutError(
                f"{where}: a selector or a match is needed; an empty selector would keep every node out."
            )
        reason = exclusion.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise RolloutError(
                f"{where} ({selection.text}): a reason is needed, it is what the report shows to the person on call."
            )
        rules.append(Rule(selection, reason.strip()))
    return rules


def whole_number(value: Any, option: str, least: int) -> int:
    """An int, or the digits of one: templates give strings where Jinja2's native types are off."""
    if isinstance(value, str) and re.match(r"[0-9]+\Z", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RolloutError(f"{option}: a whole number of at least {least} is needed, not {value!r}.")
    return value


def _tier(tier: TierSettings, where: str) -> Tier:
    refuse_unknown_keys(tier, _TIER_KEYS, where)
    name = tier.get("name")
    if not isinstance(name, str) or not _TIER_NAME.match(name):
        raise RolloutError(
            f"{where}.name: {name!r} cannot name a tier. Use 1 to 50 letters, digits, '-', '_' or '.', "
            "with a letter or digit at either end."
        )
    where = f"tier {name}"
    selection = read_selection(tier, where)
    if selection is None:
        raise RolloutError(f"{where}: a selector or a match is needed; the empty selector selects all nodes.")
    return Tier(
        name=name,
        selection=selection,
        sizes=_sizes(tier.get("batch_size", DEFAULT_BATCH_SIZE), f"{where}, batch_size"),
        canaries=_canaries(tier.get("canary", False), f"{where}, canary"),
        budget=read_budget(tier.get("failure_budget", DEFAULT_BUDGET), f"{where}, failure_budget"),
        on_failure=_on_failure(tier.get("on_failure"), where),
    )


def _sizes(value: Any, option: str) -> tuple[OfNodes, ...]:
    """One size for all batches, or a list of them, as Ansible's `serial` has it."""
    if not isinstance(value, (list, tuple)):
        return (_size(value, option),)
    if not value:
        raise RolloutError(
            f'{option}: the list is empty; give a size for the first batch at least, for instance [2, "20%"].'
        )
    return tuple(_size(one, f"{option}[{index}]") for index, one in enumerate(value))


def _size(value: Any, option: str) -> OfNodes:
    percent = _percent(value, option, 1)
    if percent is not None:
        return lambda nodes: max(1, nodes * percent // 100)
    size = whole_number(value, option, 1)
    return lambda nodes: size


def _canaries(value: Any, option: str) -> int | None:
    """`true` asks for as many as it takes to cover each architecture and zone, a number for that many at least."""
    if isinstance(value, str) and value.strip().lower() in ("true", "yes", "false", "no"):
        value = value.strip().lower() in ("true", "yes")
    if isinstance(value, bool):
        return 1 if value else None
    return whole_number(value, option, 0) or None


def read_budget(value: Any, option: str) -> OfNodes:
    """A percentage is rounded up: 10% of five nodes is one of them, and not none."""
    percent = _percent(value, option, 0)
    if percent is not None:
        return lambda nodes: -(-nodes * percent // 100)
    count = whole_number(value, option, 0)
    return lambda nodes: count


def _on_failure(value: Any, where: str) -> OnFailure | None:
    if value is None:
        return None
    for known in ON_FAILURE:
        if value == known:
            return known
    raise RolloutError(f"{where}, on_failure: {value!r} is not known; possible are {', '.join(ON_FAILURE)}.")


def _percent(value: Any, option: str, least: int) -> int | None:
    """The number before the sign; null where the value is to be a count."""
    percentage = _PERCENTAGE.match(value.strip()) if isinstance(value, str) else None
    if percentage is None:
        if isinstance(value, str) and not re.match(r"[0-9]+\Z", value):
            raise RolloutError(f'{option}: {value!r} is neither a count nor a percentage such as "10%".')
        return None
    percent = int(percentage.group(1))
    if not least <= percent <= 100:
        raise RolloutError(f"{option}: {value} is not between {least}% and 100%.")
    return percent
