# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. From the request and the present state to the changes. Pure."""

from typing import Dict, List, NamedTuple

from . import drop_ins, kernel_modules, sysctl_values
from .drop_ins import File
from .facts import HostFacts
from .kernel_modules import Modules, Unmet
from .needs import unfit_machine
from .request import Asked
from .saved_state import Memory, nothing
from .sysctl import last_word, line
from .sysctl_values import Sysctls


class Plan(NamedTuple):
    sysctls: Sysctls
    load: List[str]
    files: List[File]
    memory: Memory
    unmet: List[Unmet]
    notes: List[str]

    @property
    def changes_anything(self) -> bool:
        return bool(self.sysctls.changes or self.load or changed(self.files))


def changed(files: List[File]) -> List[File]:
    return [file for file in files if file.before != file.after]


def give(facts: HostFacts, asked: Asked) -> Plan:
    """Only the enabled kinds are changed; what an earlier run gave stays until it is taken away."""
    memory = facts.memory
    modules = kernel_modules.plan(facts, asked.module_needs) if asked.modules else Modules([], [], [], [])
    sysctls = (
        sysctl_values.give(facts, asked.sysctl_needs) if asked.sysctls else sysctl_values.unchanged(memory.sysctls)
    )
    wanted: Dict[str, List[str]] = {}
    if asked.persist and modules.at_boot:
        wanted[drop_ins.MODULES] = modules.at_boot
    if asked.persist and sysctls.at_boot:
        wanted[drop_ins.SYSCTLS] = [line(key, value) for key, value in sysctls.at_boot]
    settled = {
        path: drop_ins.written(path, facts.drop_ins[path], memory.files.get(path), lines)
        for path, lines in wanted.items()
    }
    unfit = unfit_machine(asked.want, facts.machine)
    return Plan(
        sysctls=sysctls,
        load=modules.load,
        files=[one.file for one in settled.values()],
        memory=Memory(
            sysctls.remembered,
            {**memory.files, **{path: drop_ins.text_of(lines) for path, lines in wanted.items()}},
            sorted({*memory.modules, *modules.load}),
            memory.folders,
        ),
        unmet=([Unmet("data plane bpf", unfit, "choose another data plane for it")] if unfit else [])
        + modules.unmet
        + sysctls.unmet,
        notes=modules.notes
        + sysctls.notes
        + [note for one in settled.values() for note in one.notes]
        + (_overridden(facts, sysctls) if asked.persist else []),
    )


def take_away(facts: HostFacts) -> Plan:
    """Exactly what we gave; modules stay until the next boot, because somebody may use them by now."""
    sysctls = sysctl_values.put_back(facts)
    settled = [
        drop_ins.removed(path, text, facts.memory.files.get(path)) for path, text in sorted(facts.drop_ins.items())
    ]
    loaded = [name for name in facts.memory.modules if facts.modules["states"].get(name) == "loaded"]
    notes = [f"loaded by us and left until the next boot: {', '.join(loaded)}"] if loaded else []
    if facts.memory == nothing() and any(one.file.before != one.file.after for one in settled):
        notes.append("what the sysctls were before is not known any more: they stay as they are")
    return Plan(
        sysctls=sysctls,
        load=[],
        files=[one.file for one in settled],
        memory=nothing(),
        unmet=[],
        notes=sysctls.notes + [note for one in settled for note in one.notes] + notes,
    )


def _overridden(facts: HostFacts, sysctls: Sysctls) -> List[str]:
    last = [(key, value, last_word(facts.later, key)) for key, value in sysctls.at_boot]
    return [drop_ins.overridden(key, *found) for key, value, found in last if found and found[1] != value]


def in_words(unmet: List[Unmet]) -> str:
    return " ".join(f"{one.what}: {one.reason}. Remedy: {one.remedy}." for one in unmet)
