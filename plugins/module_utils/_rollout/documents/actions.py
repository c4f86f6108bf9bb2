# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Everything that a rollout can decide to do, and the writes among it that an API server may refuse for now.

One entry of the union a kind of action. `_cluster/actions` has the file that carries it out.
"""

from __future__ import annotations

from typing import Literal, TypedDict, Union


class LabelNodes(TypedDict):
    do: Literal["label_nodes"]
    batch: str
    nodes: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    """Those that each of the nodes gets."""
    waived: dict[str, Union[str, None]]
    """By node, what it gets as annotation of the waivers that it is admitted by; null takes that of an earlier admission off."""
    checked_for: dict[str, Union[str, None]]
    """The same for the settings that its host was checked for."""


class ScopeInstallation(TypedDict):
    do: Literal["scope_installation"]
    create: bool


class RaiseMaxUnavailable(TypedDict):
    do: Literal["raise_max_unavailable"]
    value: str
    plan: str
    """Id of the plan that asks for it."""
    until: float
    """When the run that raises it has ended at the latest, by the cluster's clock: then it is left over."""


class RestoreMaxUnavailable(TypedDict):
    do: Literal["restore_max_unavailable"]


class Wait(TypedDict):
    do: Literal["wait"]
    why: str
    """What is waited for, in one sentence."""
    until: float
    """Instant at which the decision must be taken anew at the latest."""


class AwaitOwner(TypedDict):
    """Whoever applies the Installation or the APIServer is to commit what is wanted of it; the report has the YAML."""

    do: Literal["await_owner"]
    why: str
    until: float


class AwaitRestart(TypedDict):
    """Nodes restart calico-node, and the selector would take it from them for good."""

    do: Literal["await_restart"]
    why: str
    until: float
    nodes: list[str]


class VerifyPolicy(TypedDict):
    """Nodes are to show by packets that network policy is in force on them."""

    do: Literal["verify_policy"]
    batch: str
    nodes: list[str]
    offered: list[str]
    """Nodes that were proven before: the other ends of connections are drawn from these."""


class Quarantine(TypedDict):
    """Failed nodes go into quarantine: one write each takes the admission label off and says why."""

    do: Literal["quarantine"]
    batch: str
    nodes: list[str]
    causes: dict[str, str]
    """By node, in a word that can be the value of a label: the state of the gate, or the verdict of a probe."""
    reasons: dict[str, str]
    """By node, in a sentence."""


class ClearNetwork(TypedDict):
    """calico-node has left nodes in quarantine, and the condition NetworkUnavailable that it set when it went goes too."""

    do: Literal["clear_network_unavailable"]
    nodes: list[str]


class StartWitnesses(TypedDict):
    """Pods of these nodes connect to others all the time, before calico-node starts or restarts there, until `finish_witnesses`."""

    do: Literal["start_witnesses"]
    batch: str
    nodes: list[str]
    """Empty where all there is to do is to find what a killed run has started."""
    offered: list[str]
    """Nodes that nothing happens to: the other ends of the connections."""
    run: Union[str, None]
    """What the nodes before these were started as; null where there are none."""
    lifetime: int
    """Seconds after which the connections end by themselves."""


class TendWitnesses(TypedDict):
    """Pods that could not run at the start may do by now: they are told where to connect to."""

    do: Literal["tend_witnesses"]
    batch: str
    nodes: list[str]
    run: str


class FinishWitnesses(TypedDict):
    """The connections end, and their pods say what they saw."""

    do: Literal["finish_witnesses"]
    batch: str
    nodes: list[str]
    run: str


Action = Union[
    LabelNodes,
    ScopeInstallation,
    RaiseMaxUnavailable,
    RestoreMaxUnavailable,
    StartWitnesses,
    TendWitnesses,
    FinishWitnesses,
    VerifyPolicy,
    Quarantine,
    ClearNetwork,
    AwaitOwner,
    AwaitRestart,
    Wait,
]

WAITS = frozenset({"wait", "await_owner", "await_restart"})
"""The actions that write nothing. They are carried out however little time a call has left, and go on from one call to the next."""

Writing = Literal[
    "label",
    "selector",
    "raise_max_unavailable",
    "restore_max_unavailable",
    "policy_probe",
    "quarantine",
    "clear_network_unavailable",
]
"""The kinds of writes that are tried again when the API server refuses them for now."""


class RefusedWrite(TypedDict):
    """A write that is still to be done, and the API server's last answer to it."""

    write: Writing
    object: str
    """The node's name, `Installation/default`, or the namespace of a probe."""
    said: str
    """The API server's own words; that it gave no answer, where it gave none."""
    since: str
    """RFC 3339: when the write was first refused."""
    last: str
    """RFC 3339: when it was last refused."""
