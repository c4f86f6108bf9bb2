# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How a module that writes many nodes ends: which it wrote, which it could not, and what changed on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .._rollout.kubernetes.node_names import NAMES_SHOWN
from .._rollout.text.terminal import listed

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .dry_run import Trial


class NodeChange(Protocol):
    @property
    def node(self) -> str:
        """Its name."""

    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Before and after, for people."""


def finish(
    module: AnsibleModule,
    changes: Sequence[NodeChange],
    failed: Mapping[str, str],
    meant: int,
    trial: Trial | None = None,
) -> None:
    """Exit, or fail where a node could not be written.

    :param changes: what was written, or was to be; those that failed may be among them
    :param failed: why a node could not be written, by name
    :param meant: number of nodes that the task is about
    :param trial: in check mode, how the writes went that were tried
    """
    if trial is not None:
        failed = {name: str(error) for name, error in {**trial.denied, **trial.passing}.items()}
        for note in trial.notes():
            module.warn(f"Check mode: {note}.")
    done = [change for change in changes if change.node not in failed]
    result: dict[str, Any] = {
        "changed": bool(done),
        "changed_nodes": [change.node for change in done],
        "unchanged": meant - len(done) - len(failed),
        "failed_nodes": dict(failed),
    }
    if module._diff:
        result["diff"] = node_diff(done)
    if failed:
        names = sorted(failed)
        rest = "The other {0} were written." if trial is None else "Nothing was written: this is check mode."
        module.fail_json(
            msg=(
                f"{len(failed)} of {len(done) + len(failed)} nodes could not be written: {listed(names, NAMES_SHOWN)}. "
                f"The first reason: {failed[names[0]]}. {rest.format(len(done))}"
            ),
            **result,
        )
    module.exit_json(**result)


def node_diff(changes: Iterable[NodeChange]) -> dict[str, Any]:
    """Before and after of what changes, node by node, for Ansible's diff mode."""
    sides: dict[str, Any] = {"before": {}, "after": {}}
    for change in changes:
        sides["before"][change.node], sides["after"][change.node] = change.shown()
    return sides
