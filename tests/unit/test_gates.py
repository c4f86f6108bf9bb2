# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate that fails says so, and what did not run has not passed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests import demo
from tests.environment.places import CHECKOUT
from tests.gates import __main__ as gates
from tests.gates.results import MINUTES, Count, Result, counted, end_of, table, too_long
from tests.gates.schedule import Schedule
from tests.gates.stages import DEMOS, ON_THE_OLDEST, SCENARIOS, Stage, all_stages, chosen
from tests.pythons import OLDEST_REACHED

LAB_TESTS = CHECKOUT / "tests" / "lab_tests"


def stage(name: str, script: str = "", **settings: Any) -> Stage:
    return Stage(name, "a promise", [[sys.executable, "-c", script]], settings.pop("timeout", 30.0), **settings)


def run(tmp_path: Path, *stages: Stage) -> list[Result]:
    return Schedule(stages, lambda _stage: os.environ, tmp_path, lambda _text: None).run()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_that_fails_fails_its_stage_and_the_next_command_is_not_run(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", "raise SystemExit(3)"], [sys.executable, "-c", "print('second ran')"]]
    (result,) = run(tmp_path, Stage("two", "a promise", commands, 30.0))
    assert result.outcome == "failed"
    assert "second ran\n" not in (tmp_path / "two.log").read_text().splitlines(keepends=True)


def test_a_stage_past_its_time_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    child = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    started = time.monotonic()
    (result,) = run(tmp_path, stage("slow", script, timeout=2.0))
    assert result.outcome == "timed out"
    assert time.monotonic() - started < 20
    # It was told to end with its parent, and may need a moment longer.
    eventually(lambda: not Path("/proc", mark.read_text(), "exe").exists())


def test_a_run_that_is_ended_ends_its_stages(tmp_path: Path) -> None:
    mark = tmp_path / "stage"
    stage = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    script = f"""
import sys
from tests.gates import __main__ as gates, stages
gates.all_stages = lambda: [stages.Stage("long", "", [[sys.executable, "-c", {stage!r}]], 60.0)]
sys.argv = ["gates"]
gates.main()
"""
    run = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "CALICO_OPS_CACHE": str(tmp_path)})
    eventually(lambda: mark.exists() and mark.read_text() != "")
    run.terminate()
    assert run.wait(30) == 128 + signal.SIGTERM
    assert not Path("/proc", mark.read_text(), "exe").exists()


def test_a_test_runner_that_ran_nothing_has_not_passed(tmp_path: Path) -> None:
    (result,) = run(tmp_path, stage("empty", "", pytest=True))
    assert result.outcome == "failed"
    assert result.count == Count(failed=1)


def test_what_needs_a_failed_stage_is_not_run_and_not_passed(tmp_path: Path) -> None:
    results = run(tmp_path, stage("build", "raise SystemExit(1)"), stage("lab", after=("build",)))
    assert [result.outcome for result in results] == ["failed", "not run"]
    assert not any(result.ok for result in results)


def test_stages_of_different_lanes_run_side_by_side(tmp_path: Path) -> None:
    meeting = tmp_path / "second-is-here"
    waits = f"import os, time\nfor _ in range(300):\n    os.path.exists({str(meeting)!r}) and exit(0)\n    time.sleep(0.05)\nexit(1)"
    results = run(tmp_path, stage("first", waits), stage("second", f"open({str(meeting)!r}, 'w')", lane="lab"))
    assert [result.outcome for result in results] == ["passed", "passed"]


def test_stages_of_one_lane_run_one_after_the_other(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    alone = f"import os, time\nos.mkdir({mark!r})\ntime.sleep(0.5)\nos.rmdir({mark!r})"
    results = run(tmp_path, *(stage(f"stage-{number}", alone, lane="lab") for number in range(3)))
    assert [result.outcome for result in results] == ["passed"] * 3


def test_a_lane_goes_on_while_another_waits_for_what_it_needs(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    needs = stage("lab", f"open({mark!r})", lane="lab", after=("build",))
    build = stage("build", f"import time\ntime.sleep(0.5)\nopen({mark!r}, 'w')", lane="build")
    assert [result.outcome for result in run(tmp_path, needs, build)] == ["passed", "passed"]


def test_a_stage_for_which_this_machine_lacks_something_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (result,) = run(tmp_path, stage("old", "raise SystemExit(1)", missing="no Python of 3.12"))
    assert (result.outcome, result.ok, result.count) == ("skipped", True, Count(skipped=1))
    assert "no Python of 3.12" in table([result])


def test_tests_are_counted_from_the_report_of_the_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="10" failures="1" errors="2" skipped="3"/></testsuites>')
    assert counted(report) == Count(passed=4, failed=3, skipped=3)


def test_a_failed_stage_counts_even_when_all_its_tests_passed() -> None:
    crashed = Result("lab", "timed out", 1.0, Count(passed=7), None)
    assert crashed.count == Count(passed=7, failed=1)


def test_the_table_names_each_stage_with_its_outcome() -> None:
    text = table(
        [Result("unit", "passed", 12.3, Count(5, 0, 1), None), Result("lab", "not run", 0.0, None, None, "why")]
    )
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["unit", "passed", "12", "5", "passed,", "0", "failed,", "1", "skipped"],
        ["lab", "not", "run", "0", "why"],
    ]


def test_the_end_of_a_long_log_says_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("\n".join(f"line {number}" for number in range(1000)))
    shown = end_of(log).splitlines()
    assert str(log) in shown[0]
    assert shown[-1] == "line 999"


def test_a_chosen_stage_brings_what_it_needs() -> None:
    assert [one.name for one in chosen(["lab"], all_stages())] == ["build", "lab"]


def test_every_lab_test_is_in_a_stage() -> None:
    stages = {one.name: one for one in all_stages()}
    through_ansible = set(stages["lab-ansible"].commands[0]) & {str(path.relative_to(CHECKOUT)) for path in LAB_TESTS.rglob("*.py")}
    assert {f"--ignore={path}" for path in through_ansible} <= set(stages["lab"].commands[0])
    assert {"tests/lab_tests/playbooks/test_playbooks.py", "tests/lab_tests/modules/test_node_labels.py"} <= through_ansible
    on_the_oldest = set(ON_THE_OLDEST)
    assert on_the_oldest <= through_ansible & set(stages["lab-2.16"].commands[0])
    assert {
        "tests/lab_tests/playbooks/test_playbooks.py",
        "tests/lab_tests/modules/test_rollout_step.py",
        "tests/lab_tests/modules/test_inventory_nodes.py",
    } <= on_the_oldest


def test_the_stage_of_the_operator_itself_is_skipped_with_a_reason_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LAB_OPERATOR", raising=False)
    stages = {one.name: one for one in all_stages()}
    assert stages["lab-operator"].missing == "LAB_OPERATOR names no tigera-operator"
    monkeypatch.setenv("LAB_OPERATOR", "/somewhere/operator")
    stages = {one.name: one for one in all_stages()}
    assert stages["lab-operator"].missing == ""
    assert {"tests/lab_tests/operator/test_seen.py", "tests/lab_tests/modules/test_adoption.py"} <= set(stages["lab-operator"].commands[0])


def test_every_other_stage_runs_with_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "_variables", lambda _tarball: {"LAB_OPERATOR": "/somewhere/operator", "PATH": "/bin"})
    with_it = [one.name for one in all_stages() if "LAB_OPERATOR" in gates.environment(one)]
    assert with_it == ["lab-operator"]


def test_an_unknown_stage_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="units"):
        chosen(["units"], all_stages())


def test_every_demo_of_the_makefile_is_a_gate() -> None:
    targets = re.findall(r"^(demo[-a-z]*):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert set(targets) == set(DEMOS)
    stages = {one.name: one for one in all_stages()}
    for target in targets:
        assert f"tests.{target.replace('-', '_')}" in stages[target].commands[0]


@pytest.mark.parametrize(("kept", "code"), [(True, 0), (False, 1)])
def test_a_demo_fails_by_a_sentence_that_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: bool, code: int
) -> None:
    monkeypatch.setattr("sys.argv", ["demo"])
    monkeypatch.setattr(demo, "Lab", lambda name: Mock())
    monkeypatch.setattr(demo, "binaries", lambda say: {"kubectl": Path("/nowhere/kubectl")})
    ended = demo.play("demo", "default", Mock(hosts=()), lambda story: story.holds("the sentence", kept), None)
    assert ended == code
    assert ("not kept: the sentence" in capsys.readouterr().out) == (not kept)


def test_a_run_that_took_longer_than_it_is_to_take_is_told_so_in_red() -> None:
    assert too_long(MINUTES * 60) == ""
    assert too_long((MINUTES + 3) * 60) == "\033[31mIt took 53 minutes, and is to stay within 50 on two cores.\033[0m"


def test_every_molecule_scenario_is_a_gate() -> None:
    assert {path.parent.name for path in (CHECKOUT / "molecule").glob("*/molecule.yml")} == set(SCENARIOS)


@pytest.mark.parametrize("version", OLDEST_REACHED)
def test_what_a_core_is_not_asked_is_exactly_what_it_need_not_be_asked(version: str) -> None:
    """The module without AnsibleModule; and cores after 2.16 allow an __init__.py with something in it."""
    ignored = (CHECKOUT / "tests" / "sanity" / f"ignore-{version}.txt").read_text().splitlines()
    packages = sorted(CHECKOUT.glob("plugins/module_utils/**/__init__.py")) if version == "2.16" else []
    assert [line.split(" # ")[0] for line in ignored] == [
        *(f"{path.relative_to(CHECKOUT)} empty-init" for path in packages if path.stat().st_size),
        "plugins/modules/host_precheck.py validate-modules:ansible-module-not-initialized",
    ]
    assert all(" # " in line for line in ignored)
