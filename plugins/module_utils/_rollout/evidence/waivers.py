# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Checks that a user lets count less on a host, with a reason and a last day.

A waiver changes nothing in what the host said: it changes what that means.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from ..documents import (
    CheckResult,
    HostOutcome,
    PlannedWaiver,
    PrecheckReport,
    PrecheckResult,
    Waiver,
    WaiverEffect,
    WaiverState,
)
from ..documents.given import refuse_unknown_keys
from ..errors import RolloutError
from ..text.order import natural

_KEYS = ("check", "reason", "until", "effect")
_EFFECTS: tuple[WaiverEffect, ...] = ("warn", "skip")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
IN_FORCE: Literal["in_force"] = "in_force"
EXPIRED: Literal["expired"] = "expired"
UNUSED: Literal["unused"] = "unused"


class Asked(NamedTuple):
    """A waiver as the user wrote it."""

    check: str
    effect: WaiverEffect
    reason: str
    until: date


def read_waivers(given: Any, host: str, known: Collection[str]) -> list[Asked]:
    """`known` are the ids of all checks: one that is not there would be a waiver that never has an effect."""
    where = f"precheck_waivers of host {host}"
    if given is None:
        return []
    if not isinstance(given, (list, tuple)):
        raise RolloutError(f"{where}: a list is needed, not {given!r}.")
    asked = [_asked(one, f"{where}[{index}]", known) for index, one in enumerate(given)]
    twice = sorted({one.check for one in asked if [other.check for other in asked].count(one.check) > 1})
    if twice:
        raise RolloutError(f"{where}: {', '.join(twice)} is waived twice; keep one of the two.")
    return asked


def apply_waivers(asked: Sequence[Asked], result: PrecheckResult | None, today: date) -> list[Waiver]:
    """Each waiver with what became of it."""
    found = {check["id"]: check["status"] for check in result["findings"]} if result else {}
    return [
        Waiver(
            check=one.check,
            effect=one.effect,
            reason=one.reason,
            until=one.until.isoformat(),
            state=_state(one, found.get(one.check), today),
        )
        for one in asked
    ]


def effective(outcome: HostOutcome) -> list[CheckResult]:
    """The host's findings as they count: what is waived is a warning, or is not there."""
    if outcome["result"] is None:
        return []
    asked = {waiver["check"]: waiver for waiver in outcome["waivers"] if waiver["state"] != UNUSED}
    counted = []
    for check in outcome["result"]["findings"]:
        waiver = asked.get(check["id"])
        if waiver is None:
            counted.append(check)
        elif waiver["state"] == EXPIRED:
            counted.append(_noted(check, f"its waiver expired on {waiver['until']}: {waiver['reason']}"))
        elif waiver["effect"] == "warn":
            downgraded = _noted(check, waived_until(waiver))
            downgraded["status"] = "warn"
            counted.append(downgraded)
    return counted


def left_out(outcome: HostOutcome) -> list[Waiver]:
    """Waivers by which something that was found on the host does not count at all."""
    return [one for one in outcome["waivers"] if one["state"] == IN_FORCE and one["effect"] == "skip"]


def waived_until(waiver: Waiver) -> str:
    return f"waived until {waiver['until']}: {waiver['reason']}"


def _noted(check: CheckResult, note: str) -> CheckResult:
    noted = check.copy()
    noted["message"] += f" ({note})"
    return noted


def of_report(report: PrecheckReport, nodes: Mapping[str, str]) -> list[PlannedWaiver]:
    """Those that count and those that ceased to, by host. `nodes` is the Node by host."""
    return [
        PlannedWaiver(host=host, node=nodes.get(host), waiver=waiver)
        for host in sorted(report["hosts"], key=natural)
        for waiver in report["hosts"][host]["waivers"]
        if waiver["state"] != UNUSED
    ]


def _state(asked: Asked, found: str | None, today: date) -> WaiverState:
    counts = found in ("fail", "skipped") or (found == "warn" and asked.effect == "skip")
    if not counts:
        return UNUSED
    return EXPIRED if today > asked.until else IN_FORCE


def _asked(given: Any, where: str, known: Collection[str]) -> Asked:
    refuse_unknown_keys(given, _KEYS, where)
    check = given.get("check")
    if check not in known:
        alike = difflib.get_close_matches(str(check), sorted(known), 1)
        meant = f"; is it {alike[0]}?" if alike else "; docs/reference/prechecks.md lists them all."
        raise RolloutError(f"{where}: there is no check {check!r}{meant}")
    where = f"{where} ({check})"
    reason = given.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise RolloutError(f"{where}: a reason is needed, it is what every report shows.")
    effect = next((one for one in _EFFECTS if one == given.get("effect", "warn")), None)
    if effect is None:
        raise RolloutError(f"{where}: effect is {' or '.join(_EFFECTS)}, not {given.get('effect')!r}.")
    return Asked(str(check), effect, " ".join(reason.split()), _day(given.get("until"), where))


def _day(value: Any, where: str) -> date:
    text = str(value or "").strip()
    try:
        if _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RolloutError(
        f"{where}: until is the last day on which it counts, as in 2027-01-31, not {value!r}. A waiver without an end is refused."
    )
