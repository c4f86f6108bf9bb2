# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The settings of a precheck from a task's options: one document, and over it the options that are set by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._precheck.options import SETTINGS, settle, unknown
from .._rollout.documents import CalicoSettings
from .._rollout.documents.validate import flaw_of
from .._rollout.errors import RolloutError

VARIABLES = "precheck_"
"""How the role's variables begin that become `overrides`."""


def is_document(settings: Mapping[str, Any]) -> bool:
    return "kind" in settings


def settled(options: Mapping[str, Any], node_name: str | None = None) -> dict[str, Any]:
    """The options with every setting among them and its source in `sources`; RolloutError says what is wrong with one.

    `options` are those of host_precheck, as its argument spec leaves them.
    """
    document, overrides = dict(options["settings"]), dict(options["overrides"])
    if is_document(document):
        flaw = flaw_of(document, CalicoSettings)
        if flaw is not None:
            raise RolloutError(f"{flaw.told('settings')}. Hand over what the module calico_settings returned.")
    else:
        _refuse_unknown("settings", document)
    _refuse_unknown("overrides", overrides)
    by_name = {name: options[name] for name in SETTINGS if options.get(name) is not None}
    found = settle(document, overrides, by_name, node_name or options.get("node_name"), VARIABLES)
    checked = ArgumentSpecValidator(SETTINGS).validate(found.settings)
    if checked.error_messages:
        raise RolloutError("; ".join(checked.error_messages))
    others = {name: value for name, value in options.items() if name not in (*SETTINGS, "settings", "overrides")}
    return {**others, **checked.validated_parameters, "sources": found.sources}


def asked_in(options: Mapping[str, Any]) -> dict[str, Any]:
    """What decides of `settings` and `overrides`: without the sources, and without the cluster that was read."""
    document = options["settings"]
    if is_document(document):
        nodes = {name: own["settings"] for name, own in document["nodes"].items()}
        document = {"settings": document["settings"], "nodes": nodes}
    return {"settings": document, "overrides": options["overrides"]}


def _refuse_unknown(option: str, values: Mapping[str, Any]) -> None:
    problem = unknown(values)
    if problem:
        raise RolloutError(f"{option}: {problem}")
