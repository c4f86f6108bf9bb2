# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that travels to hosts runs on the oldest Python that is promised, with nothing but its standard library."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.asked import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.report import examine

from tests.environment.places import CHECKOUT
from tests.pythons import python as python_of
from tests.unit.precheck.kernels import want

OLDEST = "3.6"
WANT = want(encapsulation="vxlan", ipv6=True, wireguard=True)
GATHER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from module_utils._precheck import asked, options, report
from module_utils._precheck.host import in_cluster
from module_utils._precheck.host.gather import gather
answered = gather(json.loads(sys.argv[2]))
sys.stdout.write(json.dumps({"answered": answered, "python": sys.version_info[:2], "loaded": sorted(sys.modules)}))
"""
# ansible.module_utils.basic of an old ansible-core is not at hand: this stands for it and runs the module's own main.
RUN_MODULE = """
import json, sys, types
sys.path.insert(0, sys.argv[1])
import _precheck, importlib
base = "ansible_collections.calico_ops.rollout.plugins.module_utils"
for name in ("_precheck", "_precheck.host.gather", "_precheck.host.probes.catalogue"):
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
    return run(python, "-c", GATHER, str(CHECKOUT / "plugins"), json.dumps(asked_of(WANT)))


def test_a_host_is_asked_on_the_oldest_python(answer: dict[str, Any]) -> None:
    assert answer["python"] == [3, 6]
    document, _made = examine(answer["answered"], WANT)
    assert document["ok"]
    assert [one for one in document["findings"] if "internal error" in one["message"]] == []


def test_every_part_was_loaded_on_the_oldest_python(answer: dict[str, Any]) -> None:
    base = CHECKOUT / "plugins"
    # The checks too: host_prepare takes some of them along.
    paths = base.glob("module_utils/_precheck/**/*.py")
    parts = {str(path.relative_to(base).with_suffix("")).replace("/", ".") for path in paths}
    assert {part.replace(".__init__", "") for part in parts} <= set(answer["loaded"])


def test_nothing_but_the_standard_library_and_itself_is_loaded(answer: dict[str, Any]) -> None:
    assert [name for name in answer["loaded"] if name.startswith(("ansible", "calico"))] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel answers only to root")
def test_root_gets_an_answer_to_every_question_on_the_oldest_python(answer: dict[str, Any]) -> None:
    facts = answer["answered"]["facts"]
    assert set(asked_of(WANT)["probes"]) <= set(facts)
    assert {name: fact for name, fact in facts.items() if "lost" in fact} == {}


@pytest.mark.parametrize(
    ("arguments", "failed"), [({"probes": ["ipset.protocol"]}, None), ({"probes": ["nonsense"]}, True)]
)
def test_the_module_itself_runs_on_the_oldest_python(
    python: str, arguments: dict[str, Any], failed: bool | None
) -> None:
    module = str(CHECKOUT / "plugins/modules/host_probe.py")
    found = run(python, "-c", RUN_MODULE, str(CHECKOUT / "plugins/module_utils"), module, json.dumps(arguments))
    assert found.get("failed") == failed
    assert ("facts" in found) == (failed is None)
