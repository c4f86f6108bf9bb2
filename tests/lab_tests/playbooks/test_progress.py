# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout's lines of progress come while it runs: as events of ansible-runner, in a pipe, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from tests.lab.calico import ADDRESSES
from tests.lab.lab import Lab
from tests.lab.modules import PLAYBOOK
from tests.plans import KEY, plan_of

pytestmark = [pytest.mark.ansible, pytest.mark.oldest_core]

TASK = "Roll out"
TEXT = "  batch   nodes\n  core-1  a b\n\nResult: 'as it is'"
LINES = [
    "batch 1/3 core-1 is through, 2 of 4 nodes ready; next 2/3 core-2, 1 node; ",
    "batch 2/3 core-2 is through, 3 of 4 nodes ready; next 3/3 core-3, 1 node; ",
    "done: calico-node is ready on all 4 planned nodes; none is outside; ",
]


class Seen:
    """What came, in order, each with the number of nodes that were admitted when it came."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.came: list[tuple[str, int]] = []
        self.over: list[int] = []
        """How much had come before each result of a task."""

    def line(self, text: str) -> None:
        nodes = self._lab.admin.get(f"/api/v1/nodes?labelSelector={KEY}")["items"]
        self.came += [(line, len(nodes)) for line in text.splitlines() if line]

    def admitted(self, start: str) -> int:
        (admitted,) = [admitted for line, admitted in self.came if line.startswith(start)]
        return admitted


@pytest.fixture
def playbook(cluster: Lab, tmp_path: Path) -> Path:
    for name in ("a", "b", "c", "d"):
        cluster.add_node(name)
    options = {
        "plan": plan_of(["a", "b"], ["c"], ["d"], soak=1),
        "installation_spec": ADDRESSES,
        "kubeconfig": str(cluster.kubeconfig),
    }
    tasks = [
        {"name": "Show a table", "calico_ops.rollout.show": {"text": TEXT}},
        {"name": TASK, "calico_ops.rollout.rollout_step": options},
    ]
    own = {"ansible_python_interpreter": sys.executable}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": own, "tasks": tasks}
    path = tmp_path / "play.yml"
    path.write_text(json.dumps([play]))
    return path


def command(playbook: Path) -> list[str]:
    return [str(PLAYBOOK), "--inventory=localhost,", str(playbook)]


def environment(playbook: Path) -> dict[str, str]:
    """As a shell has it: nothing says that output is not to be buffered."""
    own = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return {**own, "ANSIBLE_HOME": str(playbook.parent / "home"), "ANSIBLE_NOCOLOR": "1", "COLUMNS": "80"}


def as_events(playbook: Path, seen: Seen) -> None:
    def handle(event: dict[str, Any]) -> bool:
        if event["event"] == "runner_on_ok":
            seen.over.append(len(seen.came))
        elif event["event"] == "verbose":
            seen.line(event["stdout"])
        return True

    private = playbook.parent / "runner"
    private.mkdir()
    done = ansible_runner.run(
        private_data_dir=str(private),
        playbook=str(playbook),
        inventory="localhost,",
        envvars=environment(playbook),
        event_handler=handle,
        quiet=True,
    )
    assert done.rc == 0


def in_a_pipe(playbook: Path, seen: Seen) -> None:
    with subprocess.Popen(
        command(playbook), env=environment(playbook), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        _read(process.stdout, seen)
    assert process.returncode == 0


def on_a_terminal(playbook: Path, seen: Seen) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(playbook), env=environment(playbook), stdin=theirs, stdout=theirs, text=True
    ) as process:
        os.close(theirs)
        _read(_until_closed(ours), seen)
    os.close(ours)
    assert process.returncode == 0


def _until_closed(terminal: int) -> Iterator[str]:
    left = b""
    while True:
        try:
            left += os.read(terminal, 4096)
        except OSError:  # how Linux says that the other side is closed
            return
        *lines, left = left.split(b"\r\n")
        yield from (line.decode() for line in lines)


def _read(lines: Any, seen: Seen) -> None:
    for line in lines:
        if line.startswith(("ok: [localhost]", "changed: [localhost]")):
            seen.over.append(len(seen.came))
        seen.line(line)


@pytest.mark.parametrize("way", [as_events, in_a_pipe, on_a_terminal], ids=lambda way: way.__name__)
def test_the_lines_come_in_order_while_the_rollout_goes_on(
    cluster: Lab, playbook: Path, way: Callable[[Path, Seen], None]
) -> None:
    seen = Seen(cluster)
    way(playbook, seen)
    came = [line for line, _admitted in seen.came]
    at = [next(index for index, line in enumerate(came) if line.startswith(start)) for start in LINES]
    assert at == sorted(at), came
    # The first one came while a batch had yet to begin, and all of them before the task's result.
    assert seen.admitted(LINES[0]) < 4
    _table, rollout = seen.over
    assert at[-1] < rollout


@pytest.mark.parametrize("way", [as_events, in_a_pipe], ids=lambda way: way.__name__)
def test_a_table_is_shown_as_it_is(cluster: Lab, playbook: Path, way: Callable[[Path, Seen], None]) -> None:
    playbook.write_text(json.dumps([{**play, "tasks": play["tasks"][:1]} for play in json.loads(playbook.read_text())]))
    seen = Seen(cluster)
    way(playbook, seen)
    shown = [line for line in TEXT.splitlines() if line]
    came = [line for line, _admitted in seen.came]
    assert any(came[index : index + len(shown)] == shown for index in range(len(came))), came


def timed_out(playbook: Path) -> None:
    plays = json.loads(playbook.read_text())
    # Three batches need longer: a second each to get ready, and one to be watched.
    plays[0]["tasks"][1]["timeout"] = 5
    limited = playbook.with_name("limited.yml")
    limited.write_text(json.dumps(plays))
    done = subprocess.run(
        command(limited),
        env=environment(playbook),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    # As ansible-core 2.16 and 2.21 say it.
    assert re.search(r"time frame \(5\)|after 5 second", done.stdout), done.stdout


def interrupted(playbook: Path) -> None:
    with subprocess.Popen(
        command(playbook),
        env=environment(playbook),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("batch "):
                os.killpg(process.pid, signal.SIGINT)
    assert process.returncode != 0


@pytest.mark.parametrize("stopped", [timed_out, interrupted], ids=lambda stopped: stopped.__name__)
def test_the_same_command_goes_on_where_a_task_was_stopped(
    cluster: Lab, playbook: Path, stopped: Callable[[Path], None]
) -> None:
    since = cluster.audit.position()
    stopped(playbook)
    seen = Seen(cluster)
    in_a_pipe(playbook, seen)
    assert seen.came[-1][1] == 4
    written = Counter(
        event.name for event in cluster.audit.writes(since, user=cluster.collection_user) if event.resource == "nodes"
    )
    assert written == {"a": 1, "b": 1, "c": 1, "d": 1}
