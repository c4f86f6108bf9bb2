# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that travels to hosts runs on the oldest Python that is promised, with nothing but its standard library."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.environment.places import CHECKOUT
from tests.pythons import python as python_of

OLDEST = "3.6"
SETTINGS = {
    "dataplane": "iptables",
    "encapsulation": "vxlan",
    "bgp": True,
    "ipv6": True,
    "wireguard": True,
    "ip_autodetection": "first-found",
    "cni_bin_dir": "/opt/cni/bin",
    "cni_conf_dir": "/etc/cni/net.d",
    "allow_module_load": False,
}
EXAMINE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from _precheck import in_cluster, options
from _precheck.checks.declaration import Want
from _precheck.report import examine
document, made = examine(Want(**json.loads(sys.argv[2])))
sys.stdout.write(json.dumps({"document": document, "python": sys.version_info[:2], "loaded": sorted(sys.modules)}))
"""
# ansible.module_utils.basic of an old ansible-core is not at hand: this stands for it and runs the module's own main.
RUN_MODULE = """
import json, sys, types
sys.path.insert(0, sys.argv[1])
import _precheck, importlib
base = "ansible_collections.calico_ops.rollout.plugins.module_utils"
for name in ("_precheck", "_precheck.options", "_precheck.report"):
    sys.modules[base + "." + name] = importlib.import_module(name)
for depth in range(1, 6):
    sys.modules.setdefault(".".join(base.split(".")[:depth]), types.ModuleType("x"))
class Module:
    def __init__(self, argument_spec, supports_check_mode):
        self.params = {name: how.get("default") for name, how in argument_spec.items()}
        self.params.update(json.loads(sys.argv[3]))
    def exit_json(self, **result):
        sys.stdout.write(json.dumps(result))
        sys.exit(0)
    def fail_json(self, **result):
        sys.stdout.write(json.dumps(dict(result, failed=True)))
        sys.exit(1)
for name in ("ansible", "ansible.module_utils", "ansible.module_utils.basic"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["ansible.module_utils.basic"].AnsibleModule = Module
exec(compile(open(sys.argv[2]).read(), sys.argv[2], "exec"), {"__name__": "__main__"})
"""


@pytest.fixture(scope="module")
def python() -> str:
    return python_of(OLDEST)


def run(*command: str) -> dict[str, Any]:
    # An empty PATH: not one program of the host may be needed.
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    )
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def answer(python: str) -> dict[str, Any]:
    return run(python, "-c", EXAMINE, str(CHECKOUT / "plugins/module_utils"), json.dumps(SETTINGS))


def test_a_host_is_examined_on_the_oldest_python(answer: dict[str, Any]) -> None:
    assert answer["python"] == [3, 6]
    messages = [check["message"] for check in answer["document"]["findings"]]
    assert answer["document"]["ok"]
    assert [message for message in messages if "internal error" in message] == []


def test_every_part_was_loaded_on_the_oldest_python(answer: dict[str, Any]) -> None:
    base = CHECKOUT / "plugins/module_utils"
    parts = {str(path.relative_to(base).with_suffix("")).replace("/", ".") for path in base.glob("_precheck/**/*.py")}
    assert {part.replace(".__init__", "") for part in parts} <= set(answer["loaded"])


def test_nothing_but_the_standard_library_and_itself_is_loaded(answer: dict[str, Any]) -> None:
    assert [name for name in answer["loaded"] if name.startswith(("ansible", "calico"))] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel answers only to root")
def test_root_gets_an_answer_from_every_check_on_the_oldest_python(answer: dict[str, Any]) -> None:
    unanswered = [check for check in answer["document"]["findings"] if check["status"] == "skipped"]
    assert unanswered == []


@pytest.mark.parametrize(
    ("arguments", "failed"),
    [({"fail_on": "never"}, None), ({"ip_autodetection": "nonsense"}, True), ({"deadline": 0}, True)],
)
def test_the_module_itself_runs_on_the_oldest_python(
    python: str, arguments: dict[str, Any], failed: bool | None
) -> None:
    module = str(CHECKOUT / "plugins/modules/host_precheck.py")
    found = run(python, "-c", RUN_MODULE, str(CHECKOUT / "plugins/module_utils"), module, json.dumps(arguments))
    assert found.get("failed") == failed
    assert ("precheck" in found) == (failed is None)
