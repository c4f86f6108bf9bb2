# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The Calico that hosts were checked for, as part of a page: each setting, its value, its source, and on which hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..documents import HostOutcome, PrecheckReport
from ..evidence.checked_for import NAMED, shown
from ..text.order import natural
from ..text.terminal import count, listed

DEFAULT = "default"


class Told(NamedTuple):
    setting: str
    value: str
    source: str
    hosts: tuple[str, ...]
    """Empty where it is all of them."""

    @property
    def words(self) -> str:
        where = f" on {listed(self.hosts, NAMED)}" if self.hosts else ""
        return f"{self.setting}: {self.value}, from {self.source}{where}"


def checked_for(hosts: Mapping[str, HostOutcome]) -> list[Told]:
    """Setting by setting, the most frequent value first; hosts without a result were checked for nothing."""
    groups: dict[str, dict[tuple[str, str], list[str]]] = {}
    answered = 0
    for name in sorted(hosts, key=natural):
        result = hosts[name]["result"]
        if result is None:
            continue
        answered += 1
        for setting, value in result["settings"].items():
            source = result["sources"].get(setting, DEFAULT)
            groups.setdefault(setting, {}).setdefault((shown(value), source), []).append(name)
    told = []
    for setting, found in groups.items():
        for (value, source), names in sorted(found.items(), key=lambda group: (-len(group[1]), group[0])):
            told.append(Told(setting, value, source, () if len(names) == answered else tuple(names)))
    return told


def sentences(report: PrecheckReport) -> list[str]:
    """What was read, what was not, and the settings that are not the defaults; then the defaults, in one sentence."""
    found = []
    calico = report["calico"]
    if calico is not None:
        cluster = calico["cluster"]
        if cluster is not None:
            found.append(f"The settings were read from the cluster {cluster['name'] or cluster['server']}.")
        found += calico["notes"]
        for one in calico["unread"]:
            what = f", so these have their defaults: {', '.join(one['settings'])}" if one["settings"] else ""
            found.append(f"{one['what']}: not read, because {one['why'].rstrip('.')}{what}.")
    return found


def settings_section(report: PrecheckReport) -> list[str]:
    """A line for each setting that is no default, and one for the defaults."""
    told = checked_for(report["hosts"])
    own = [one for one in told if one.source != DEFAULT or one.hosts]
    rest = [one for one in told if not (one.source != DEFAULT or one.hosts)]
    lines = [one.words for one in own]
    if rest:
        lines.append(f"by default: {', '.join(f'{one.setting} {one.value}' for one in rest)}")
    return lines


def settings_together(report: PrecheckReport) -> list[str]:
    """What an object says together, and how many settings have their defaults. The files of the role have each with its field."""
    told = checked_for(report["hosts"])
    together: dict[str, list[Told]] = {}
    for one in told:
        if not one.hosts:
            together.setdefault(_object(one.source), []).append(one)
    defaults = together.pop(DEFAULT, [])
    lines = [one.words for one in told if one.hosts]
    for source, settings in together.items():
        lines.append(f"from {source}: {', '.join(f'{one.setting} {one.value}' for one in settings)}")
    if defaults:
        lines.append(f"by default: {count(len(defaults), 'other setting')}; precheck.md names them")
    return lines


def _object(source: str) -> str:
    """`Installation/default` of `Installation/default calicoNetwork.bgp` and of `no calicoNetwork in Installation/default`."""
    if source.startswith("no ") and " in " in source:
        return source.rpartition(" in ")[2]
    first = source.partition(" ")[0]
    return first if "/" in first or "_" in first else source
