# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module in a process of its own, with the arguments that Ansible would give it, and without Ansible around it.

A server forks these processes, with what every module imports in its memory already. So a call costs what the module does, and not
two seconds for Ansible and the imports.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible import release
from ansible.module_utils import basic

with suppress(ImportError):  # which a module tells its user in its own words
    for name in ("kubernetes.client", "kubernetes.config"):
        importlib.import_module(name)

_MODULES = "ansible_collections.calico_ops.rollout.plugins.modules"
_SERVER = multiprocessing.get_context("forkserver")
_OF_THE_CLUSTER = (
    "calico_settings",
    "installation_scope",
    "node_labels",
    "node_precheck",
    "node_readiness",
    "node_taints",
)
_SERVER.set_forkserver_preload(
    [
        __name__,
        "pytest",
        *(f"{_MODULES}.{name}" for name in (*_OF_THE_CLUSTER, "rollout_info", "rollout_lock", "rollout_step")),
    ]
)


def run(
    module: str, options: Mapping[str, Any], environment: Mapping[str, str], check: bool, diff: bool
) -> dict[str, Any]:
    """What the module returned, completed as Ansible does it."""
    internal = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_version": release.__version__}
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **internal}})
    with tempfile.TemporaryDirectory() as folder:
        process = _SERVER.Process(target=_run, args=(module, arguments, dict(environment), folder))
        process.start()
        process.join()
        printed, said = ((Path(folder) / name).read_text() for name in ("stdout", "stderr"))
    try:
        result: dict[str, Any] = json.loads(printed)
    except ValueError:
        raise AssertionError(f"{module} ended with {process.exitcode}: {printed}{said}") from None
    result.pop("invocation", None)
    return {"changed": False, **result}


def _run(module: str, arguments: str, environment: Mapping[str, str], folder: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    sys.argv = [module]
    vars(basic).update(_ANSIBLE_ARGS=arguments.encode(), _ANSIBLE_PROFILE="legacy")
    importlib.import_module(f"{_MODULES}.{module}").main()
