# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rollout role works out by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.environment.places import CHECKOUT

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def test_a_batch_gets_as_many_turns_of_a_hundred_steps_as_it_may_take(tmp_path: Path) -> None:
    """Ansible ends at some 240 nested includes."""

    def names(expected: list[str], restart: int | None, timeout: int, step: int) -> dict[str, Any]:
        batches = [{"name": "adoption"}, {"name": "edge-1"}]
        return {
            "ansible.builtin.assert": {"that": f"rollout_turns | map(attribute='name') | list == {expected}"},
            "vars": {
                "rollout_plan": {"batches": batches, "restart": restart and {"seconds": restart}},
                "rollout_batch_timeout": timeout,
                "rollout_owner_timeout": 3600,
                "rollout_step_duration": step,
            },
        }

    tasks = [
        names(["adoption", "edge-1"], None, 600, 60),
        names(["adoption", "adoption", "edge-1", "edge-1"], None, 7200, 60),
        names(["adoption"] * 11 + ["edge-1"], 30000, 600, 60),
    ]
    variables = str(CHECKOUT / "roles" / "rollout" / "vars" / "main.yml")
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [variables],
        "tasks": tasks,
    }
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(json.dumps([play]))
    done = subprocess.run([PLAYBOOK, "-i", "localhost,", playbook], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
