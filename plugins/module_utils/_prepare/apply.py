# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Carries a plan out: the memory first, so that whatever comes between, everything can be put back."""

import os
import tempfile
from typing import Callable, Dict, List, Optional

from .._precheck.host.sweeps.root import Root
from . import saved_state
from .kernel_modules import Unmet
from .plan import Plan, changed
from .saved_state import Memory
from .sysctl import plain, shown
from .sysctl_values import learnt

Modprobe = Callable[[str], Optional[str]]
"""Loads a module; what went wrong, in its own words, else None."""


class Refused(Exception):
    """The host did not let us, for a reason that concerns the whole."""


def give(plan: Plan, root: Root, modprobe: Modprobe) -> List[Unmet]:
    """What of the plan the kernel did not do in the end."""
    kept = plan.memory
    if kept != saved_state.nothing():
        folders = _missing_folders(root, [saved_state.PATH, *(file.path for file in changed(plan.files))])
        kept = kept._replace(folders=sorted({*kept.folders, *folders}))
    _remember(root, kept)
    unmet = [one for one in (_load(name, modprobe) for name in plan.load) if one]
    unmet += _write_sysctls(root, plan)
    now = {key: _value(root, key) for key in kept.sysctls}
    sysctls = learnt(kept.sysctls, {key: value for key, value in now.items() if value is not None})
    failed = {one.what for one in unmet}
    _remember(root, kept._replace(sysctls=sysctls, modules=[name for name in kept.modules if name not in failed]))
    for file in changed(plan.files):
        _write(root, file.path, file.after)
    return unmet


def take_away(plan: Plan, root: Root, folders: List[str]) -> List[Unmet]:
    """The memory goes last: what was interrupted is gone on with."""
    unmet = _write_sysctls(root, plan)
    for file in changed(plan.files):
        _write(root, file.path, file.after)
    if not unmet:
        _write(root, saved_state.PATH, None)
        for folder in sorted(folders, reverse=True):
            _remove_if_empty(root, folder)
    return unmet


def _remember(root: Root, kept: Memory) -> None:
    text = saved_state.written(kept)
    if root.read(saved_state.PATH) != text:
        _write(root, saved_state.PATH, text)


def _load(name: str, modprobe: Modprobe) -> Optional[Unmet]:
    trouble = modprobe(name)
    return Unmet(name, f"modprobe: {trouble}", "look for its reason in the kernel's log") if trouble else None


def _write_sysctls(root: Root, plan: Plan) -> List[Unmet]:
    if not plan.sysctls.changes:
        return []
    unmet: List[Unmet] = []
    for key, wanted in plan.sysctls.targets:
        if _value(root, key) in (wanted, None):
            continue  # As it is to be; or gone meanwhile with its interface.
        try:
            with open(root.at("/proc/sys/" + key), "w", encoding="ascii") as stream:
                stream.write(wanted + "\n")
        except OSError as error:
            reason = f"cannot be set to {wanted}: {error.strerror}"
            unmet.append(Unmet(shown(key), reason, "become root on the host itself, or leave it out"))
            continue
        taken = _value(root, key)
        if taken != wanted:
            unmet.append(Unmet(shown(key), f"the kernel took {taken} for {wanted}", "ask for a value it takes"))
    return unmet


def _value(root: Root, key: str) -> Optional[str]:
    text = root.read("/proc/sys/" + key)
    return None if text is None else plain(text)


def _missing_folders(root: Root, paths: List[str]) -> List[str]:
    found: Dict[str, None] = {}
    for path in paths:
        folder = os.path.dirname(path)
        while folder != "/" and not os.path.isdir(root.at(folder)):
            found[folder] = None
            folder = os.path.dirname(folder)
    return list(found)


def _write(root: Root, path: str, text: Optional[str]) -> None:
    """At once or not at all, seen from outside and after a power cut."""
    target = root.at(path)
    try:
        if text is None:
            if os.path.lexists(target):
                os.unlink(target)
            return
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".", dir=os.path.dirname(target))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                os.fsync(stream.fileno())
            os.rename(draft, target)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


def _remove_if_empty(root: Root, folder: str) -> None:
    try:
        os.rmdir(root.at(folder))
    except OSError:
        return  # Somebody keeps something there by now.
