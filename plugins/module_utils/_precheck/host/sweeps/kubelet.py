# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The kubelet: whether the host has one, and which address it gives its Node."""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from .distributions import DISTRIBUTIONS, Distribution, every
from .root import Root

_NAME, _FLAG, _SETTING, _PASSED_ON = "kubelet", "--node-ip", "node-ip", "kubelet-arg"
_QUOTES = str.maketrans(dict.fromkeys("\"'\\", " "))


class Told(NamedTuple):
    node_ip: str
    """As the kubelet takes it: an address, or two with a comma between."""
    by: str


def kubelet(root: Root) -> Dict[str, Any]:
    """What runs is what counts. Its arguments are those of the process. If it is part of another program, or does not run, its files
    decide."""
    running = _processes(root)
    rows = [row for row in DISTRIBUTIONS if any(map(root.exists, row.kubelet))]
    told = _of_arguments(running[-1], "the arguments of the kubelet") if running else _of_files(root, rows)
    return {
        "installed": bool(running) or bool(rows) or any(map(root.exists, every("kubelet"))),
        "node_ip": told.node_ip if told else None,
        "said_by": told.by if told else None,
        "distributions": [row.name for row in rows],
    }


def _processes(root: Root) -> List[List[str]]:
    """The arguments of each process of the host that is called kubelet; of others none are read.

    A kubelet in a PID namespace of its own belongs to a node in a container (kind, k3d), not to this host.
    """
    found = []
    own = _pid_namespace(root, "1")
    for pid in root.list("/proc"):
        if not pid.isdigit() or root.line_or_none(f"/proc/{pid}/comm") != _NAME:
            continue
        if _pid_namespace(root, pid) in (own, None) and not _is_nested(root, pid):
            arguments = (root.line_or_none(f"/proc/{pid}/cmdline") or "").split("\0")
            if len(arguments) > 1:
                found.append(arguments)
    return found


def _pid_namespace(root: Root, pid: str) -> Optional[str]:
    """None where it may not be read, or the process is gone."""
    try:
        return os.readlink(root.at(f"/proc/{pid}/ns/pid"))
    except OSError:
        return None


def _is_nested(root: Root, pid: str) -> bool:
    """Has it a PID in a further namespace? Everybody may read this, and only root where its namespace leads.

    NSpid in proc(5): its PID in each namespace, from that of /proc inwards. Linux 4.1 and later have it.
    """
    for line in (root.line_or_none(f"/proc/{pid}/status") or "").splitlines():
        if line.startswith("NSpid:"):
            return len(line.split()) > 2
    return False


def _of_files(root: Root, rows: List[Distribution]) -> Optional[Told]:
    """Of the distributions that are here; where none is yet, of whatever waits for one."""
    for row in rows or DISTRIBUTIONS:
        told = _last(_of_row(root, row))
        if told:
            return told
    return None


def _of_row(root: Root, row: Distribution) -> Iterable[Optional[Told]]:
    for path in row.settings:
        folder = path + ".d"
        names = [name for name in root.list(folder) if name.endswith((".yaml", ".yml"))]
        for file in (path, *(f"{folder}/{name}" for name in names)):
            yield _of_settings(root.read(file) or "", file)
    for path in row.arguments:
        text = root.read(path) or ""
        variables = (_variable(text, name) for name in row.node_ip)
        value = next((one for one in variables if one), None)
        yield Told(value, path) if value else _of_arguments(_words(text), path)


def _last(found: Iterable[Optional[Told]]) -> Optional[Told]:
    told = [one for one in found if one]
    return told[-1] if told else None


def _words(text: str) -> List[str]:
    """The arguments in a unit, an environment or a list of flags; comments are left out."""
    lines = [line for line in text.splitlines() if line.strip()[:1] not in ("#", ";")]
    return " ".join(lines).translate(_QUOTES).split()


def _of_arguments(words: List[str], by: str) -> Optional[Told]:
    """The last one counts. A variable that is not filled in tells nothing; `KUBELET_ADDRESS=--node-ip=...` and the like are taken apart."""
    value = ""
    for at, word in enumerate(words):
        # k3s hands it on: --kubelet-arg=node-ip=..., or in two words.
        passed_on = f"--{_PASSED_ON}={_SETTING}="
        whole = f"{words[at - 1]}={word}" if at and words[at - 1] == "--" + _PASSED_ON else word
        if whole.startswith(passed_on):
            value = whole[len(passed_on) :]
            continue
        before, flag, rest = word.partition(_FLAG)
        if not flag or (before and not before.endswith("=")) or (rest and not rest.startswith("=")):
            continue
        value = rest[1:] if rest else (words[at + 1] if at + 1 < len(words) else "")
    return Told(value, by) if value and "$" not in value else None


def _variable(text: str, name: str) -> Optional[str]:
    """The value of NAME=..., quoted with others on a line of a unit, or alone on a line of an environment."""
    found = [word[len(name) + 1 :] for word in _words(text) if word.startswith(name + "=")]
    found += [
        word[len("Environment=" + name) + 1 :] for word in _words(text) if word.startswith("Environment=" + name + "=")
    ]
    return found[-1] if found else None


def _of_settings(text: str, by: str) -> Optional[Told]:
    """k3s and RKE2: `node-ip: a`, a list below it, or `kubelet-arg` with `node-ip=a`, which has the last word."""
    addresses = _values(text, _SETTING)
    passed_on = [one[len(_SETTING) + 1 :] for one in _values(text, _PASSED_ON) if one.startswith(_SETTING + "=")]
    value = passed_on[-1] if passed_on else ",".join(addresses)
    return Told(value, by) if value else None


def _values(text: str, key: str) -> List[str]:
    """What a key of the top level has in this YAML, as text: a scalar, a list in brackets, or one with dashes."""
    found: List[str] = []
    inside = False
    for line in text.splitlines():
        bare = line.partition(" #")[0].rstrip()
        if not bare or bare.lstrip().startswith("#"):
            continue
        if inside and bare.lstrip().startswith("- "):
            found.append(bare.lstrip()[2:])
            continue
        name, _colon, value = bare.partition(":")
        inside = name.rstrip("+") == key
        if inside and value.strip():
            found += value.strip().strip("[]").split(",")
    return [one.strip().strip("\"'") for one in found if one.strip()]
