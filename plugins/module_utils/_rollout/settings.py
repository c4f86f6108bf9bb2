# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Tiers and exclusions as the user wrote them, checked and made ready for use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from .documents import Exclusion, TierSettings
from .errors import RolloutError
from .labels import parse_selector

DEFAULT_BATCH_SIZE = 2
DEFAULT_BUDGET = "10%"

_TIER_KEYS = ("name", "selector", "batch_size", "failure_budget")
_TIER_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,48}[A-Za-z0-9])?\Z")
_PERCENTAGE = re.compile(r"([0-9]{1,3})\s*%\Z")

Matches = Callable[[Mapping[str, str]], bool]


class Tier(NamedTuple):
    name: str
    selector: str
    matches: Matches
    batch_size: int
    budget: Callable[[int], int]
    """The number of nodes that may be left out, given how many the tier has."""


class Rule(NamedTuple):
    matches: Matches
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
        _known(exclusion, ("selector", "reason"), where)
        selector = exclusion.get("selector")
        if not isinstance(selector, str) or not selector.strip():
            raise RolloutError(f"{where}: a selector is needed; an empty one would keep every node out.")
        reason = exclusion.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise RolloutError(
                f"{where} ({selector}): a reason is needed, it is what the report shows to the person on call."
            )
        rules.append(Rule(parse_selector(selector, f"{where}.selector"), reason.strip()))
    return rules


def whole_number(value: Any, option: str, least: int) -> int:
    """An int, or the digits of one: templates give strings where Jinja2's native types are off."""
    if isinstance(value, str) and re.match(r"[0-9]+\Z", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RolloutError(f"{option}: a whole number of at least {least} is needed, not {value!r}.")
    return value


def _tier(tier: TierSettings, where: str) -> Tier:
    _known(tier, _TIER_KEYS, where)
    name = tier.get("name")
    if not isinstance(name, str) or not _TIER_NAME.match(name):
        raise RolloutError(
            f"{where}.name: {name!r} cannot name a tier. Use 1 to 50 letters, digits, '-', '_' or '.', "
            "with a letter or digit at either end."
        )
    where = f"tier {name}"
    selector = tier.get("selector")
    if selector is None:
        raise RolloutError(f"{where}: a selector is needed; the empty string selects all nodes.")
    return Tier(
        name=name,
        selector=selector,
        matches=parse_selector(selector, f"{where}, selector"),
        batch_size=whole_number(tier.get("batch_size", DEFAULT_BATCH_SIZE), f"{where}, batch_size", 1),
        budget=_budget(tier.get("failure_budget", DEFAULT_BUDGET), f"{where}, failure_budget"),
    )


def _budget(value: Any, option: str) -> Callable[[int], int]:
    percentage = _PERCENTAGE.match(value.strip()) if isinstance(value, str) else None
    if percentage:
        percent = int(percentage.group(1))
        if percent > 100:
            raise RolloutError(f"{option}: {value} is more than 100%.")
        return lambda nodes: -(-nodes * percent // 100)
    if isinstance(value, str) and not re.match(r"[0-9]+\Z", value):
        raise RolloutError(f'{option}: {value!r} is neither a count nor a percentage such as "10%".')
    count = whole_number(value, option, 0)
    return lambda nodes: count


def _known(given: Any, keys: Sequence[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise RolloutError(f"{where}: a mapping with {', '.join(keys)} is needed, not {given!r}.")
    unknown = sorted(str(key) for key in given if key not in keys)
    if unknown:
        raise RolloutError(f"{where}: {', '.join(unknown)} is not known here; possible are {', '.join(keys)}.")
