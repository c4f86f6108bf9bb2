# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether the result of an earlier precheck may stand for a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..documents import DOCUMENT_VERSION, PrecheckRecord, PrecheckResult
from ..documents.canonical import digest
from ..documents.validate import flaw_of
from .job import Target, alike

# They say when and how the check is made, not what it checks.
_NOT_ASKED = ("controller_clock", "deadline", "sources")


def asked_for(options: Mapping[str, Any], code: str) -> str:
    """What a result is an answer to: the options of the check, and the code that carried them out."""
    return digest({"code": code, "options": {key: options[key] for key in options if key not in _NOT_ASKED}})


def record_of(
    host: str, asked: str, checked_at: float, call_seconds: float, precheck: PrecheckResult
) -> PrecheckRecord | None:
    """None for a result that must not be used again: after a repair the next check must show it."""
    if precheck["verdict"] != "pass" or not precheck["identity"]["boot_id"]:
        return None
    return PrecheckRecord(
        kind="PrecheckRecord",
        version=DOCUMENT_VERSION,
        host=host,
        asked=asked,
        checked_at=checked_at,
        call_seconds=call_seconds,
        precheck=precheck,
    )


def stale(record: Any, host: str, asked: str, now: float, max_age: float) -> str | None:
    """Why the record is of no use, as far as that shows on the controller; None when the host itself reports its boot."""
    if not isinstance(record, Mapping):
        return "there is no result of an earlier check"
    if record.get("version") != DOCUMENT_VERSION or record.get("host") != host or flaw_of(record, PrecheckRecord):
        return "the earlier result is not one of this host and version"
    if record["asked"] != asked:
        return "the settings of the check, or the checks themselves, have changed since"
    age = now - float(record["checked_at"])
    if not 0 <= age <= max_age:
        return f"the earlier result is {age:.0f} s old"
    return None


def of_another_boot(record: PrecheckRecord, boot_id: str, machine_id: str) -> str | None:
    """Why the record is not one of the system that runs now. A new kernel, other modules, a new machine: all take a boot."""
    return _another_system(record["precheck"]["identity"], boot_id, machine_id)


def of_node(uid: str) -> str:
    """What the result of a Node is kept for: its name may come back for another machine, and in another cluster."""
    return f"node/{uid}"


def not_of_node(identity: Mapping[str, Any], node: Target) -> str | None:
    """Why a result with this identity does not count for the Node now. Its kubelet reports in place of the host, and must be alive."""
    if node.silent:
        return "its kubelet does not report"
    return _another_system(identity, node.boot_id, node.machine_id)


def _another_system(identity: Mapping[str, Any], boot_id: str, machine_id: str) -> str | None:
    if alike(machine_id) != alike(identity["machine_id"] or ""):
        return "the machine is another one"
    if alike(boot_id) != alike(identity["boot_id"] or ""):
        return "the host was booted since"
    return None
