# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the manual, run as a reader types them, in the manual's order, on the cluster of the first rollout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import manual
from tests.lab.binaries import binaries
from tests.lab.claims import claimed_lab
from tests.lab.lab import Lab
from tests.lab.places import REPOSITORY
from tests.lab.topologies import DEMO

# One command is a whole rollout, and the first one that is chosen alone runs all that come before it.
pytestmark = pytest.mark.ansible

COMMANDS = manual.played()
PRECHECK = "calico_ops.rollout.precheck"
VARIABLES = "rollout-vars.yml"
COLLECTION = Path(".ansible", "collections", "ansible_collections", "calico_ops", "rollout")


@dataclass
class Reader:
    """Somebody with a home directory and a shell, who works through the manual."""

    lab: Lab
    home: Path
    exported: list[str] = field(default_factory=list)
    done: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.home / ".kube").mkdir()
        (self.home / ".kube" / "config").symlink_to(self.lab.admin_kubeconfig)
        (self.home / COLLECTION).parent.mkdir(parents=True)
        (self.home / COLLECTION).symlink_to(REPOSITORY)
        (self.home / "inventory.yml").symlink_to(self.lab.inventory)

    def result(self, number: int) -> tuple[int, str]:
        """Exit code and output of a command; those before it are run first."""
        while len(self.done) <= number:
            self.done.append(self._run(COMMANDS[len(self.done)]))
        return self.done[number]

    def _run(self, command: manual.Command) -> tuple[int, str]:
        for name, text in manual.files(command.page).items():
            if name != VARIABLES:
                (self.home / name).write_text(text)
        if command.text.startswith("export "):
            self.exported.append(command.text)
            return 0, ""
        finished = subprocess.run(
            ["bash", "-c", "\n".join([*self.exported, f"exec {command.text}"])],
            cwd=self.home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBECONFIG"))}
        kubectl = binaries(print)["kubectl"].parent
        return {**kept, "HOME": str(self.home), "PATH": f"{kubectl}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with claimed_lab("-docs") as lab:
        DEMO.bring_up(lab)
        try:
            reader = Reader(lab, tmp_path_factory.mktemp("home"))
            (reader.home / VARIABLES).write_text(manual.files(manual.PLAYED[0])[VARIABLES])
            yield reader
        finally:
            lab.down()


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda number: COMMANDS[number].text)
def test_a_command_of_the_manual_does_what_the_manual_says(reader: Reader, number: int) -> None:
    """One host of this cluster cannot run Calico, so a precheck fails and all else ends well."""
    code, output = reader.result(number)
    assert code == (2 if PRECHECK in COMMANDS[number].text else 0), output
    assert [line for line in COMMANDS[number].output if " ".join(line.split()) not in " ".join(output.split())] == []


def test_the_rollout_of_the_manual_changes_nothing_when_it_is_run_again(reader: Reader) -> None:
    texts = [command.text for command in COMMANDS]
    again = max(number for number, text in enumerate(texts) if texts.index(text) != number)
    assert "changed=0" in reader.result(again)[1]
    assert "changed=1" not in reader.result(again)[1]
