# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that travels to hosts runs on the oldest Python that is promised, with nothing but its standard library."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.executor.module_common import REPLACER_JSONARGS
from ansible_collections.calico_ops.rollout.plugins.action import host_precheck
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck import policy_chains
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.sources import sources

from tests.environment.places import CHECKOUT
from tests.pythons import python as python_of
from tests.unit.precheck.kernels import want

OLDEST = "3.6"
MARKER = REPLACER_JSONARGS.decode()
WANT = want(encapsulation="vxlan", ipv6=True, wireguard=True)
GATHER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from module_utils._precheck import judge, options, policy_chains, questions, sources
from module_utils._precheck.host import in_cluster
from module_utils._precheck.host.gather import gather
answered = gather(json.loads(sys.argv[2]))
sys.stdout.write(json.dumps({"answered": answered, "python": sys.version_info[:2], "loaded": sorted(sys.modules)}))
"""
MODULE = CHECKOUT / "plugins/modules/host_precheck.py"


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


def test_the_chains_of_policy_are_read_on_the_oldest_python(python: str) -> None:
    answered = run(python, "-c", GATHER, str(CHECKOUT / "plugins"), json.dumps(policy_chains.asked(10.0)))["answered"]
    assert "lo" in answered["facts"][policy_chains.INTERFACES]["value"]


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


def sent(text: str, **what: Any) -> str:
    """The module as Ansible sends it (JSONARGS: the arguments' JSON stands where the marker was)."""
    arguments = {"_ansible_check_mode": False, **{name: host_precheck.packed(value) for name, value in what.items()}}
    assert text.count(MARKER) == 1
    return text.replace(MARKER, json.dumps(arguments))


def piped(python: str, text: str, home: Path) -> subprocess.CompletedProcess[str]:
    """As over SSH with pipelining: Python reads the module from its standard input."""
    env = {"PATH": "", "HOME": str(home), "TMPDIR": str(home)}
    return subprocess.run([python], input=text, capture_output=True, text=True, check=False, env=env, cwd=home)


def test_the_module_that_is_sent_asks_on_the_oldest_python_and_writes_no_file(python: str, tmp_path: Path) -> None:
    asked = {**asked_of(WANT), "cni_conf_dir": "/etc/cni/'''\"\"\"\\net.d", "probes": ["ipset.protocol"]}
    done = piped(python, sent(MODULE.read_text(), sources=sources(), asked=asked), tmp_path)
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert {"ipset.protocol", "kernel_release", "routes"} <= set(json.loads(answer["facts"]))
    assert (answer["changed"], answer["modules_loaded"]) == (False, [])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_imported_from_where_the_login_begins(python: str, tmp_path: Path) -> None:
    for name in ("base64", "json", "zlib", "importlib", "ssl", "struct", "host"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from a home')\n")
    done = piped(python, sent(MODULE.read_text(), sources=sources(), asked=asked_of(WANT)), tmp_path)
    assert (done.stderr, "facts" in json.loads(done.stdout)) == ("", True)


def test_an_older_python_is_told_which_is_needed(python: str, tmp_path: Path) -> None:
    newer = MODULE.read_text().replace("OLDEST = (3, 6)", "OLDEST = (3, 7)")
    answer = json.loads(piped(python, sent(newer, sources={}, asked={}), tmp_path).stdout)
    assert answer == {
        "failed": True,
        "msg": f"host_precheck: {python} is Python 3.6 and 3.7 or newer is needed; name another by ansible_python_interpreter",
    }


def test_a_fault_in_what_was_sent_is_shown_with_its_line(python: str, tmp_path: Path) -> None:
    broken = {**sources(), "host/gather.py": "def gather(asked):\n    raise RuntimeError(asked)\n"}
    done = piped(python, sent(MODULE.read_text(), sources=broken, asked={}), tmp_path)
    assert 'File "host/gather.py", line 2, in gather\n' in done.stderr
    assert done.returncode != 0
