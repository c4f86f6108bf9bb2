# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the API server took the writes of an action, one a node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..._kube.client import ApiError
from ..._kube.writes import NOT_TRIED
from ..._rollout.documents.actions import Writing
from ..._rollout.errors import RolloutError
from .action import Answers


class NodeWrites(NamedTuple):
    done: list[str]
    failed: Mapping[str, ApiError]
    """By node, of those that were tried."""
    again: bool
    """Some are still to be done."""

    def answers(self, write: Writing) -> Answers:
        said = {name: error.said for name, error in self.failed.items() if error.status != 404}
        return Answers(write, said, [*self.done, *self.failed])

    @property
    def final(self) -> list[ApiError]:
        """The server's no, which the same request would meet again. A node that is gone (404) is for decide() to judge."""
        return [error for error in self.failed.values() if not error.is_passing and error.status != 404]

    @property
    def sentences(self) -> dict[str, str]:
        """By node why it could not be written."""
        return {name: str(error) for name, error in self.failed.items()}


def node_writes(errors: Mapping[str, ApiError | None]) -> NodeWrites:
    """:param errors: by node; None where its write succeeded, or there was nothing to write"""
    return NodeWrites(
        done=[name for name, error in errors.items() if error is None],
        failed={name: error for name, error in errors.items() if error is not None and error.reason != NOT_TRIED},
        again=any(error is not None for error in errors.values()),
    )


def told(errors: Collection[ApiError]) -> str:
    """The first three."""
    return "; ".join(str(error) for error in list(errors)[:3])


def refuse_strangers(nodes: Collection[str], known: Collection[str]) -> None:
    strangers = set(nodes).difference(known)
    if strangers:
        raise RolloutError(f"Nodes that are not in the plan are never touched: {', '.join(sorted(strangers))}.")
