# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate that fails says so, and what did not run has not passed."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from _pytest.mark.expression import Expression

from tests import demo
from tests.environment.places import CHECKOUT
from tests.gates import __main__ as gates
from tests.gates import stages
from tests.gates.progress import SHOWN, Progress
from tests.gates.results import MINUTES, Count, Result, end_of, table, too_long
from tests.gates.schedule import Schedule
from tests.gates.stages import DEMOS, SCENARIOS, Stage, all_stages, chosen
from tests.pythons import OLDEST_REACHED

LAB_TESTS = CHECKOUT / "tests" / "lab_tests"


def stage(name: str, script: str = "", **settings: Any) -> Stage:
    return Stage(name, "a promise", [[sys.executable, "-c", script]], **settings)


def run(tmp_path: Path, *stages: Stage, out: Callable[[str], None] = lambda _text: None) -> list[Result]:
    schedule = Schedule(stages, lambda _stage: os.environ, tmp_path, out)
    schedule.run()
    return schedule.results


def file_of_tests(folder: Path, source: str) -> Stage:
    """A stage that runs pytest over one file."""
    folder.joinpath("test_it.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--rootdir={folder}",
        "--config-file=/dev/null",
        str(folder / "test_it.py"),
    ]
    return Stage("tests", "a promise", [command], pytest=True)


def ended(pid: str) -> bool:
    return not Path("/proc", pid, "exe").exists()


def eventually(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def test_a_command_that_fails_fails_its_stage_and_the_next_command_is_not_run(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", "raise SystemExit(3)"], [sys.executable, "-c", "print('second ran')"]]
    (result,) = run(tmp_path, Stage("two", "a promise", commands))
    assert result.outcome == "failed"
    assert "second ran\n" not in (tmp_path / "two.log").read_text().splitlines(keepends=True)


def test_a_stage_past_its_last_guard_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    child = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    (result,) = run(tmp_path, stage("slow", script, last_guard=2.0))
    assert result.outcome == "timed out"
    # It was told to end with its parent, and may need a moment longer.
    eventually(lambda: ended(mark.read_text()))


def test_a_failure_is_told_while_the_stage_goes_on(tmp_path: Path) -> None:
    told = tmp_path / "told"
    source = f"""
import os, time
def test_first():
    assert 1 + 1 == 3, "sums"
def test_second():
    while not os.path.exists({str(told)!r}):
        time.sleep(0.05)
"""

    def out(text: str) -> None:
        if "FAILED" in text and "test_first" in text and "sums" in text:
            told.touch()

    (result,) = run(tmp_path, file_of_tests(tmp_path, source), out=out)
    assert (result.outcome, result.tests) == ("failed", Count(passed=1, failed=1))
    (failure,) = result.failures
    assert re.fullmatch(r"test_it.py::test_first: AssertionError: sums \(.*/test_it.py:4\)", failure)


def test_after_many_failures_it_is_told_once_that_there_are_more(tmp_path: Path) -> None:
    said: list[str] = []
    source = "import pytest\n@pytest.mark.parametrize('n', range(30))\ndef test_it(n):\n    assert n < 0"
    (result,) = run(tmp_path, file_of_tests(tmp_path, source), out=said.append)
    assert len(result.failures) == 30
    assert len([text for text in said if " FAILED test_it" in text]) == SHOWN
    assert len([text for text in said if "more tests fail" in text]) == 1


def test_a_stage_that_is_stopped_tells_what_failed_and_what_was_running(tmp_path: Path) -> None:
    source = "import time\ndef test_first():\n    assert 0\ndef test_hangs():\n    time.sleep(600)"
    said: list[str] = []

    def out(text: str) -> None:
        said.append(text)
        if "tests FAILED" in text:
            raise KeyboardInterrupt

    one = file_of_tests(tmp_path, source)
    schedule = Schedule([one, stage("next")], lambda _stage: os.environ, tmp_path, out)
    with pytest.raises(KeyboardInterrupt):
        schedule.run()
    stopped, waiting = schedule.results
    assert (stopped.outcome, stopped.tests, stopped.ok) == ("stopped", Count(failed=1), False)
    assert stopped.failures[0].startswith("test_it.py::test_first: assert 0")
    assert [test.partition(" ")[0] for test in stopped.running] == ["test_it.py::test_hangs"]
    assert (waiting.outcome, waiting.ok) == ("not run", False)
    before, after = (next(text for text in said if word in text) for word in ("stopping tests", "--- tests"))
    assert "test_hangs (for " in before
    assert "FAILED test_it.py::test_first" in after
    assert "RUNNING test_it.py::test_hangs" in after


def test_tests_that_are_stopped_may_take_down_what_they_started(tmp_path: Path) -> None:
    mark = tmp_path / "taken-down"
    source = f"""
import pathlib, pytest, time
@pytest.fixture(scope="session")
def lab():
    yield
    pathlib.Path({str(mark)!r}).touch()
def test_hangs(lab):
    assert lab is None
    pathlib.Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(600)
"""
    schedule = Schedule([file_of_tests(tmp_path, source)], lambda _stage: os.environ, tmp_path, lambda _text: None)
    thread = threading.Thread(target=schedule.run)
    thread.start()
    eventually((tmp_path / "begun").exists)
    (running,) = schedule._running
    running.stop()
    thread.join()
    assert mark.exists()


def test_a_run_that_is_ended_ends_its_stages_and_tells_how_far_they_were(tmp_path: Path) -> None:
    mark = tmp_path / "stage"
    child = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); print('so far', flush=True); time.sleep(600)"
    script = f"""
import sys
from tests.gates import __main__ as gates, stages
gates.all_stages = lambda: [stages.Stage("long", "", [[sys.executable, "-c", {child!r}]])]
sys.argv = ["gates"]
gates.main()
"""
    environment = {**os.environ, "CALICO_OPS_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", script]
    # As a shell starts what it runs in the background: with Ctrl-C ignored.
    ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    run = subprocess.Popen([*ignoring, *command], env=environment, stdout=subprocess.PIPE, text=True)
    eventually(lambda: mark.exists() and mark.read_text() != "")
    run.terminate()
    told, _errors = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert ended(mark.read_text())
    assert "so far" in told
    assert "KeyboardInterrupt" in told
    assert "long   stopped" in told
    assert "0 passed, 1 failed" in told


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
    results = run(tmp_path, *(stage(f"stage-{number}", alone) for number in range(3)))
    assert [result.outcome for result in results] == ["passed"] * 3


def test_two_stages_of_the_lab_run_side_by_side(tmp_path: Path) -> None:
    meets = "import os, time\nopen('%s', 'w')\nwhile not os.path.exists('%s'):\n    time.sleep(0.05)"
    marks = [str(tmp_path / name) for name in ("one", "two", "three")]
    stages = [
        stage(f"stage-{n}", meets % (marks[n], marks[other]), lane="lab") for n, other in ((0, 1), (1, 0), (2, 2))
    ]
    assert [result.outcome for result in run(tmp_path, *stages)] == ["passed"] * 3


def test_a_stage_that_is_to_be_alone_runs_when_all_others_have_ended(tmp_path: Path) -> None:
    marks = [str(tmp_path / name) for name in ("one", "two")]
    alone = stage("alone", f"import os\nexit(not all(map(os.path.exists, {marks})))", lane="lab", alone=True)
    others = [
        stage(f"stage-{n}", f"import time\ntime.sleep(0.5)\nopen({mark!r}, 'w')", lane=lane)
        for n, (mark, lane) in enumerate(zip(marks, ("lab", "static")))
    ]
    assert [result.outcome for result in run(tmp_path, alone, *others)] == ["passed"] * 3


def test_of_two_stages_that_are_to_be_alone_one_waits_for_the_other(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    text = f"import os, time\nos.mkdir({mark!r})\ntime.sleep(0.5)\nos.rmdir({mark!r})"
    stages = [stage(f"alone-{number}", text, lane="lab", alone=True) for number in range(2)]
    assert [result.outcome for result in run(tmp_path, *stages)] == ["passed"] * 2


def test_a_lane_goes_on_while_another_waits_for_what_it_needs(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    needs = stage("lab", f"open({mark!r})", lane="lab", after=("build",))
    build = stage("build", f"import time\ntime.sleep(0.5)\nopen({mark!r}, 'w')", lane="build")
    assert [result.outcome for result in run(tmp_path, needs, build)] == ["passed", "passed"]


def test_a_stage_for_which_this_machine_lacks_something_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (result,) = run(tmp_path, stage("old", "raise SystemExit(1)", missing="no Python of 3.12"))
    assert (result.outcome, result.ok, result.count) == ("skipped", True, Count(skipped=1))
    assert "no Python of 3.12" in table([result])


def test_a_test_counts_once_and_fails_with_any_of_its_phases(tmp_path: Path) -> None:
    source = """
import pytest
@pytest.fixture
def broken():
    raise ValueError("set-up")
@pytest.fixture
def ends_badly():
    yield
    raise ValueError("tear-down")
def test_passes(): pass
def test_skipped(): pytest.skip()
def test_set_up(broken): pass
def test_tear_down(ends_badly): pass
@pytest.mark.xfail
def test_expected(): assert 0
"""
    (result,) = run(tmp_path, file_of_tests(tmp_path, source))
    assert result.tests == Count(passed=1, failed=2, skipped=2)
    assert [failure.partition(" (")[0] for failure in result.failures] == [
        "test_it.py::test_set_up, setup: ValueError: set-up",
        "test_it.py::test_tear_down, teardown: ValueError: tear-down",
    ]


def test_a_file_that_cannot_be_read_is_a_failure_by_name(tmp_path: Path) -> None:
    (result,) = run(tmp_path, file_of_tests(tmp_path, "import no_such_module"))
    assert (result.outcome, result.tests) == ("failed", Count(failed=1))
    assert "no_such_module" in result.failures[0]


def test_a_line_that_is_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    progress = Progress(path)
    path.write_text('{"event": "collected", "tests": 2}\n{"event": "star')
    progress.read()
    assert (str(progress), progress.running) == ("0 of 2 tests", [])
    with open(path, "a") as file:
        file.write('ted", "test": "x", "at": 0}\n')
    progress.read()
    assert [test.partition(" ")[0] for test in progress.running] == ["x"]


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
    assert {one.name for one in chosen(["lab-pods"], all_stages())} == {"build", "build-pods", "lab-pods"}


def test_tests_of_a_lab_are_spread_as_their_stage_says_and_others_as_the_caller_does() -> None:
    spread = ["--numprocesses=2", "--dist=loadfile"]
    named = {one.name: one for one in all_stages()}
    three = [named[name] for name in ("lab", "unit", "browser")]
    assert [list(gates.workers(1)(one)) for one in three] == [spread, [], []]
    assert [list(gates.workers(2)(one)) for one in three] == [spread, spread, []]


def test_what_takes_too_long_runs_when_it_is_named() -> None:
    left_out = {one.name for one in all_stages()} - {one.name for one in chosen([], all_stages())}
    assert left_out == {"soak-pods", "demo-policy", "molecule-policy"}
    soak = (CHECKOUT / "Makefile").read_text().partition("\nsoak:")[2].partition("\n\n")[0]
    assert "tests.gates demo-policy molecule-policy soak-pods" in soak


LISTING = """
import json, pytest
class Listing:
    def pytest_collection_finish(self, session):
        marks = {item.nodeid: sorted({mark.name for mark in item.iter_markers()}) for item in session.items}
        print("listed", json.dumps(marks))
raise SystemExit(pytest.main(["--collect-only", "-q", "tests/lab_tests"], plugins=[Listing()]))
"""


@pytest.fixture(scope="module")
def lab_tests() -> dict[str, list[str]]:
    """Every lab test with its marks."""
    ran = subprocess.run([sys.executable, "-c", LISTING], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("listed "))
    listed: dict[str, list[str]] = json.loads(line.removeprefix("listed "))
    return listed


def in_stage(name: str, lab_tests: dict[str, list[str]]) -> set[str]:
    (command,) = (one.commands[0] for one in all_stages() if one.name == name)
    folder, option, marks = command[-3:]
    assert (folder, option) == ("tests/lab_tests", "-m")
    expression = Expression.compile(marks)
    return {test for test, own in lab_tests.items() if expression.evaluate(lambda name, **_: name in own)}  # noqa: B023


def test_every_lab_test_is_in_one_of_three_stages(lab_tests: dict[str, list[str]]) -> None:
    parts = [in_stage(name, lab_tests) for name in ("lab", "lab-ansible", "soak-pods")]
    assert all(parts)
    assert sum(map(len, parts)) == len(lab_tests)
    assert set.union(*parts) == set(lab_tests)


def test_every_run_has_a_rollout_over_real_kubelets_and_a_fault_of_each_kind(lab_tests: dict[str, list[str]]) -> None:
    every_run = in_stage("lab-pods", lab_tests)
    assert every_run < in_stage("soak-pods", lab_tests)
    assert {test.partition("::")[0].partition("lab_tests/")[2] for test in every_run} == {
        "pods/test_rollout.py",
        "policy/test_faults.py",
    }
    faults = {test.partition("[")[2].rstrip("]") for test in every_run if "test_a_fault_of_a_node" in test}
    assert faults == {"rules gone", "foreign drop"}


def test_only_real_pods_wait_for_what_they_need() -> None:
    waiting = [one.name for one in all_stages() if "build-pods" in one.after]
    assert waiting == ["lab-pods", "soak-pods", "demo-policy", "molecule-policy"]


@pytest.mark.parametrize(
    ("stage", "files"),
    [
        (
            "lab-2.16",
            "playbooks/test_playbooks modules/test_through_ansible modules/test_inventory_nodes modules/test_host_precheck_old_python",
        ),
        ("lab-operator", "operator/test_seen modules/test_adoption playbooks/test_rollout_role"),
        ("lab-crds", "operator/test_crds modules/test_installation_scope"),
    ],
)
def test_what_another_core_operator_or_schema_shows_runs_once_more(
    monkeypatch: pytest.MonkeyPatch, lab_tests: dict[str, list[str]], stage: str, files: str
) -> None:
    monkeypatch.setattr(stages, "REAL_CRDS", CHECKOUT)
    chosen = {test.partition("::")[0] for test in in_stage(stage, lab_tests)}
    assert {f"tests/lab_tests/{name}.py" for name in files.split()} <= chosen


@pytest.mark.parametrize(("mark", "code"), [("@pytest.mark.ansible", 0), ("", 1)])
def test_a_lab_test_that_starts_ansible_is_marked(tmp_path: Path, mark: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text("""
from pathlib import Path
from tests.lab_tests.conftest import MarkedAnsible
def pytest_configure(config):
    config.pluginmanager.register(MarkedAnsible(Path(__file__).parent))
""")
    program = tmp_path / "ansible-something"
    program.symlink_to("/bin/true")
    source = f"import pytest, subprocess\n{mark}\ndef test_it():\n    subprocess.run([{str(program)!r}], check=True)"
    (result,) = run(tmp_path, file_of_tests(tmp_path, source))
    assert result.tests == Count(passed=1 - code, failed=code)
    assert ["test_it starts ansible-something without" in failure for failure in result.failures] == [True] * code


def test_no_lab_test_has_a_narrower_guard_than_the_slowest_machine_needs() -> None:
    own = [str(path) for path in LAB_TESTS.rglob("test_*.py") if "mark.timeout" in path.read_text()]
    assert own == []


def test_the_stage_of_the_operator_itself_is_skipped_with_a_reason_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LAB_OPERATOR", raising=False)
    known = {one.name: one for one in all_stages()}
    assert known["lab-operator"].missing == "LAB_OPERATOR names no tigera-operator"
    monkeypatch.setenv("LAB_OPERATOR", "/somewhere/operator")
    known = {one.name: one for one in all_stages()}
    assert known["lab-operator"].missing == ""


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
    known = {one.name: one for one in all_stages()}
    for target in targets:
        assert f"tests.{target.replace('-', '_')}" in known[target].commands[0]


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
    assert too_long((MINUTES + 3) * 60) == "\033[31mIt took 37 minutes, and is to stay within 34 on two cores.\033[0m"


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


def literal(path: Path, name: str) -> Any:
    """A constant of a program that is not imported: nox need not be here."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path.name} has no {name}")


def test_sessions_of_nox_run_stages_that_there_are() -> None:
    known = {one.name for one in all_stages()}
    sessions = literal(CHECKOUT / "noxfile.py", "SESSIONS")
    assert {stage for _promise, stages in sessions.values() for stage in stages} - {"--workers", "2"} <= known


def test_make_check_and_nox_check_are_one() -> None:
    (line,) = re.findall(
        r"^check:.*\n\t\$\(checkout\) python -m tests.gates (.*)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE
    )
    assert line.split() == literal(CHECKOUT / "noxfile.py", "SESSIONS")["check"][1]


WORKFLOW = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text())


def test_ci_runs_every_supported_core_on_every_python_that_it_supports() -> None:
    asked = {(one["core"], one["python"]) for one in WORKFLOW["jobs"]["core"]["strategy"]["matrix"]["include"]}
    pythons = literal(CHECKOUT / "noxfile.py", "PYTHONS")
    assert asked == {(core, python) for core, versions in pythons.items() for python in versions}
    assert set(pythons) == {
        path.stem.removeprefix("ignore-") for path in (CHECKOUT / "tests" / "sanity").glob("ignore-*.txt")
    }


def test_ci_calls_what_a_laptop_calls_and_pins_what_it_uses() -> None:
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert [one for one in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one)] == []
    ran = {
        re.sub(r" .*", "", step["run"].removeprefix('sudo --preserve-env=CALICO_OPS_CACHE env "PATH=$PATH" '))
        for step in steps
        if "run" in step
    }
    assert ran == {"make", "nox", ".ci/run", "python", "sudo"}
