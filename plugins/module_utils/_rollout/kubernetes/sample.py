# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes stand for all of them, when not each can be tried.

An admission policy or webhook distinguishes Nodes by what they carry: a label, a value, a taint. So the nodes that are tried carry
between them everything that any of them carries, but for what names a single node (`kubernetes.io/hostname`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

NAMING = 0.5
"""A key with so many different values for each node that carries it names nodes, and does not sort them."""

Carried = Mapping[str, str]
"""A node's labels, and what else sorts it, by key."""


def representatives(names: Sequence[str], carried: Mapping[str, Carried], most: int) -> list[str]:
    """At most `most` of the names, in their order; all of them where they are no more than that.

    :param carried: by node what it carries; a node without an entry carries nothing
    """
    if len(names) <= most:
        return list(names)
    sorting = _sorting_keys([carried.get(name, {}) for name in names])
    chosen: set[str] = set()
    covered: set[tuple[str, str]] = set()
    for name in names:
        traits = {(key, value if key in sorting else "") for key, value in carried.get(name, {}).items()}
        if not traits <= covered and len(chosen) < most:
            chosen.add(name)
            covered |= traits
    # The rest of the number goes over all of them evenly: a rule may go by the name itself.
    left = [name for name in names if name not in chosen]
    room = most - len(chosen)
    chosen |= {left[index * len(left) // room] for index in range(room)}
    return [name for name in names if name in chosen]


def _sorting_keys(nodes: Iterable[Carried]) -> set[str]:
    values: dict[str, set[str]] = {}
    number: dict[str, int] = {}
    for node in nodes:
        for key, value in node.items():
            values.setdefault(key, set()).add(value)
            number[key] = number.get(key, 0) + 1
    return {key for key, different in values.items() if len(different) <= max(2, NAMING * number[key])}
