# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How a plan has network policy proven and witnessed: the option `verify` as the user wrote it, and the batches it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..documents import Batch, VerifySettings
from ..documents.given import refuse_unknown_keys
from ..documents.validate import flaw_of
from ..errors import RolloutError
from ..kubernetes.names import PROBE_NAMESPACE
from .adoption import ADOPTION
from .tiers import whole_number

NONE = "none"
MODES = ("none", "canary", "each_batch", "each_node")
LONGEST_LOOK = 57
"""Seconds of one look at the packets. No line of progress is shown during it, and there is to be one each minute."""
LONGEST_PROBE = 2 * LONGEST_LOOK
"""Seconds. What may pass is looked at a second time before it stops a rollout."""
PHASES, HEARD = 4, 3
"""Where something is wrong, a probe waits in each phase for the deadline, and so many seconds more to hear of it."""
STRENGTHS = ("2", "3", "full")
WITNESSED = ("none", "canary", "each_batch")

UNPROVEN = (
    "Network policy is not proven: calico-node can be Ready on a node and enforce nothing there. Give verify an image with agnhost, "
    "and each batch shows by packets that policy is in force; or set its mode to none, and this warning is gone"
)
NO_CANARY = (
    "Network policy is not proven: verify.mode is canary, and the plan has neither a canary batch nor a first batch of a tier. "
    "Mode each_batch proves the adoption too"
)

_DEFAULTS: Mapping[str, Any] = {
    "mode": "each_batch",
    "image": None,
    "namespace": PROBE_NAMESPACE,
    "image_pull_secrets": (),
    "tolerations": None,
    "resources": None,
    "runtime_class": None,
    "security_context": {},
    "strength": "2",
    "seed": 0,
    "deadline": 5,
    "timeout": 25,
    "foreign_policies": "refuse",
    "calico_policy": False,
    "dns_service": "",
    "witness": "canary",
}


def read_verify(given: Mapping[str, Any] | None) -> VerifySettings | None:
    """The settings, whole; None where nothing is to be proven."""
    given = given or {}
    refuse_unknown_keys(given, tuple(_DEFAULTS), "verify")
    wanted = {**_DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    if wanted["mode"] not in MODES:
        raise RolloutError(f"verify.mode: {wanted['mode']!r} is not known; possible are {', '.join(MODES)}.")
    if wanted["mode"] == NONE:
        return None
    if not wanted["image"]:
        if "mode" in given and given["mode"] is not None:
            raise RolloutError(
                f"verify.image: mode {wanted['mode']} needs an image with agnhost, for instance "
                "registry.k8s.io/e2e-test-images/agnhost:2.53. Without one, leave the mode out or set it to none."
            )
        return None
    return _checked(wanted)


def _checked(wanted: dict[str, Any]) -> VerifySettings:
    wanted["strength"] = str(wanted["strength"])
    if wanted["strength"] not in STRENGTHS:
        raise RolloutError(
            f"verify.strength: {wanted['strength']!r} is not known; possible are {', '.join(STRENGTHS)}."
        )
    if wanted["witness"] not in WITNESSED:
        raise RolloutError(f"verify.witness: {wanted['witness']!r} is not known; possible are {', '.join(WITNESSED)}.")
    wanted["image_pull_secrets"] = list(wanted["image_pull_secrets"])
    wanted["seed"] = whole_number(wanted["seed"], "verify.seed", 0)
    wanted["deadline"] = whole_number(wanted["deadline"], "verify.deadline", 1)
    wanted["timeout"] = whole_number(wanted["timeout"], "verify.timeout", 1)
    if longest(wanted) > LONGEST_LOOK:
        raise RolloutError(
            f"verify.timeout: {wanted['timeout']} s, and {PHASES} times verify.deadline and {HEARD} s, are {longest(wanted)} s, more "
            f"than {LONGEST_LOOK}. A rollout shows a line of progress each minute, and none during a probe. A probe that runs out of "
            "time is tried again."
        )
    flaw = flaw_of(wanted, VerifySettings)
    if flaw is not None:
        raise RolloutError(f"{flaw.told('verify')}.")
    return cast(VerifySettings, wanted)


def longest(settings: Mapping[str, Any]) -> int:
    """Seconds that one look may take."""
    return int(settings["timeout"] + PHASES * (settings["deadline"] + HEARD))


def unproven_warning(
    given: Mapping[str, Any] | None, settings: VerifySettings | None, batches: Sequence[Batch]
) -> str | None:
    """For the plan: nothing will be proven, and nobody said that this is what they want."""
    if settings is None:
        return None if (given or {}).get("mode") == NONE else UNPROVEN
    return None if any(is_proven(batch, batches, settings) for batch in batches) else NO_CANARY


def is_proven(batch: Batch, batches: Sequence[Batch], settings: VerifySettings | None) -> bool:
    """Is policy to be proven on the nodes of this batch before the next one?"""
    if settings is None:
        return False
    return settings["mode"] != "canary" or _goes_ahead(batch, batches)


def is_witnessed(batch: Batch, batches: Sequence[Batch], settings: VerifySettings | None) -> bool:
    """Do connections go on while calico-node starts or restarts on the nodes of this batch?

    An adoption restarts it below workloads that policy guards, so `canary` has it too, although its nodes enforced policy before.
    """
    if settings is None or settings["witness"] == NONE:
        return False
    return settings["witness"] != "canary" or batch["name"] == ADOPTION or _goes_ahead(batch, batches)


def _goes_ahead(batch: Batch, batches: Sequence[Batch]) -> bool:
    """It is a canary, or the first of a tier that has none. The adoption is no tier."""
    tier = [other for other in batches if other["tier"] == batch["tier"]]
    return batch["canary"] or (
        batch["tier"] is not None and batch["name"] == tier[0]["name"] and not any(other["canary"] for other in tier)
    )
