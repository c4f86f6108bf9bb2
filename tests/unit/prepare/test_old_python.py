# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_prepare runs on the oldest Python that is promised for hosts, in check mode on this machine."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.environment.places import CHECKOUT
from tests.pythons import python as python_of

OLDEST = "3.6"
# ansible.module_utils.basic of an old ansible-core is not at hand: this stands for it and runs the module's own main.
RUN_MODULE = """
import json, sys, types
base = "ansible_collections.calico_ops.rollout.plugins.module_utils"
for depth in range(1, 6):
    package = types.ModuleType(base)
    package.__path__ = [sys.argv[1]] if depth == 5 else []
    sys.modules[".".join(base.split(".")[:depth])] = package
class Module:
    check_mode, _diff = True, True
    def __init__(self, argument_spec, supports_check_mode):
        self.params = {name: how.get("default") for name, how in argument_spec.items()}
        self.params.update(json.loads(sys.argv[3]))
    def exit_json(self, **result):
        sys.stdout.write(json.dumps(dict(result, loaded=sorted(sys.modules))))
        sys.exit(0)
    def fail_json(self, **result):
        sys.stdout.write(json.dumps(dict(result, failed=True)))
        sys.exit(1)
for name in ("ansible", "ansible.module_utils", "ansible.module_utils.basic"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["ansible.module_utils.basic"].AnsibleModule = Module
exec(compile(open(sys.argv[2]).read(), sys.argv[2], "exec"), {"__name__": "__main__"})
"""
EVERYTHING = {"modules": True, "sysctls": True, "persist": True, "ipv6": True, "fail_on_unmet": False}


@pytest.fixture(scope="module")
def python() -> str:
    return python_of(OLDEST)


def run(python: str, arguments: dict[str, Any]) -> dict[str, Any]:
    plugins = CHECKOUT / "plugins"
    command = [python, "-c", RUN_MODULE, str(plugins / "module_utils"), str(plugins / "modules/host_prepare.py")]
    environment = {"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, json.dumps(arguments)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_plan_is_made_on_the_oldest_python(python: str, state: str) -> None:
    answer = run(python, {**EVERYTHING, "state": state})
    assert {"sysctls", "modules_loaded", "files", "unmet", "notes", "diff"} <= set(answer)


def test_every_part_was_loaded_on_the_oldest_python(python: str) -> None:
    loaded = run(python, EVERYTHING)["loaded"]
    parts = {path.stem for path in (CHECKOUT / "plugins/module_utils/_prepare").glob("*.py")} - {"__init__"}
    assert parts <= {name.rpartition("._prepare.")[2] for name in loaded}


def test_a_mistake_is_told_on_the_oldest_python(python: str) -> None:
    answer = run(python, {"extra_modules": {"amd64": ["vxlan"]}})
    assert answer["msg"].startswith("host_prepare: extra_modules: amd64: this is Kubernetes' name for it")
