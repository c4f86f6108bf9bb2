# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Waived checks, as part of a page."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import PlannedWaiver
from ..evidence.waivers import EXPIRED
from ..text.markdown import escaped
from ..text.terminal import count, listed, paragraph


def section(waivers: Sequence[PlannedWaiver]) -> list[str]:
    """For a terminal; nothing where nothing is waived."""
    told = sentences(waivers)
    lines = [line for one in told for line in paragraph(one, indent=2)]
    return ["", f"Waived checks ({len(told)}):", *lines] if told else []


def markdown_section(waivers: Sequence[PlannedWaiver]) -> list[str]:
    lines = [f"- {escaped(one)}" for one in sentences(waivers)]
    return ["", "## Waived checks", "", *lines] if lines else []


def sentences(waivers: Sequence[PlannedWaiver]) -> list[str]:
    """What is waived on which hosts, why, and until when."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for each in waivers:
        waiver = each["waiver"]
        key = (waiver["state"], waiver["check"], waiver["effect"], waiver["until"], waiver["reason"])
        grouped.setdefault(key, []).append(each["host"])
    lines = []
    for (state, check, effect, until, reason), hosts in grouped.items():
        where = f"on {hosts[0]}" if len(hosts) == 1 else f"on {count(len(hosts), 'host')} ({listed(hosts)})"
        if state == EXPIRED:
            lines.append(f"{check} {where}: expired on {until} and does not count any more: {reason}")
        else:
            counts = "counts as a warning" if effect == "warn" else "does not count"
            lines.append(f"{check} {where}: {counts} until {until}: {reason}")
    return lines
