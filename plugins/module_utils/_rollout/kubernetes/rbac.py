# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What an account must be allowed to do, and how to say which of it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import RolloutError


class Right(NamedTuple):
    """As RBAC has it: a subresource is part of the resource (pods/log). An empty name or namespace stands for all of them."""

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        name = f" {self.name}" if self.name else ""
        return f"{self.verb} {kind}{name}{f' in {self.namespace}' if self.namespace else ''}"


class RightsMissing(RolloutError):
    def __init__(self, missing: Sequence[Right], role_in: str = "", optional: Sequence[Right] = ()):
        """`role_in` is a namespace where a Role gives what is done there, because nobody should have it everywhere. `optional` are
        rights that are missing too and that the account can do without."""
        names = "; ".join(str(right) for right in missing)
        there = [right for right in missing if role_in and right.namespace == role_in]
        places = (
            ("ClusterRole", [right for right in missing if right not in there]),
            (f"Role in the namespace {role_in}", there),
        )
        additions = [
            f"Add to its {place} (docs/reference/rbac.yaml has all rules):\n{rules(rights)}" for place, rights in places if rights
        ]
        super().__init__(
            f"The account may not do all that this takes, so nothing was written. Missing: {names}. {_told(optional)}"
            + "\n".join(additions)
        )
        self.missing = list(missing)


def _told(optional: Sequence[Right]) -> str:
    """Before the rules, which stand at the end to be copied."""
    if not optional:
        return ""
    names = "; ".join(str(right) for right in optional)
    return f"Missing too, but optional (reports and status tell less without them): {names}. "


def right(verb: str, path: str) -> Right:
    """The right that a request of this path takes."""
    root, *parts = path.strip("/").split("/")
    group, rest = ("", parts[1:]) if root == "api" else (parts[0], parts[2:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return Right(verb, group, rest[0], rest[1] if len(rest) > 1 else "", namespace)


def rules(missing: Iterable[Right]) -> str:
    """YAML for a ClusterRole: verbs on the same things in one rule. A namespaced right may go into a Role there instead."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for one in missing:
        verbs.setdefault((one.group, one.resource, one.name), []).append(one.verb)
    lines = ["rules:"]
    for (group, resource, name), allowed in sorted(verbs.items()):
        lines += [f"  - apiGroups: [{group or chr(34) * 2}]", f"    resources: [{resource}]"]
        lines += [f"    resourceNames: [{name}]"] if name else []
        lines += [f"    verbs: [{', '.join(sorted(set(allowed)))}]"]
    return "\n".join(lines)
