# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The module's options: what is wrong with them, and what they mean on this machine. Pure."""

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .._precheck.rules.declaration import Want
from .needs import ModuleNeed, SysctlNeed, module_needs, sysctl_needs
from .sysctl import problem_with as problem_with_sysctl

EVERYWHERE = "all"
# What Kubernetes calls machines (Go's names), by which somebody may ask here by mistake.
_GO_NAMES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "armv7l"}
_MODULE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")


class Asked(NamedTuple):
    """What the host is to be given; each kind only on request."""

    want: Want
    modules: bool
    sysctls: bool
    persist: bool
    module_needs: List[ModuleNeed]
    sysctl_needs: List[SysctlNeed]


def on(machine: str, params: Mapping[str, Any]) -> Asked:
    want = Want(**dict(dict.fromkeys(Want._fields), **{name: params[name] for name in Want._fields if name in params}))
    modules = [name for names in _for(machine, params["extra_modules"]) for name in names]
    sysctls = {name: str(value) for part in _for(machine, params["extra_sysctls"]) for name, value in part.items()}
    return Asked(
        want,
        params["modules"],
        params["sysctls"],
        params["persist"],
        module_needs(want, modules),
        sysctl_needs(want, machine, sysctls),
    )


def problem_with(params: Mapping[str, Any]) -> Optional[str]:
    """What is wrong with the request by architecture; None when nothing is."""
    for option, judge in (("extra_modules", _problem_with_modules), ("extra_sysctls", _problem_with_sysctls)):
        for machine, asked in params[option].items():
            problem = _problem_with_machine(machine) or judge(asked)
            if problem:
                return f"{option}: {machine}: {problem}"
    return None


def _for(machine: str, by_machine: Mapping[str, Any]) -> List[Any]:
    """The request for every machine, then that for this machine, which wins."""
    return [by_machine[name] for name in (EVERYWHERE, machine) if name in by_machine]


def _problem_with_machine(name: str) -> Optional[str]:
    if name not in _GO_NAMES:
        return None
    return (
        f"this is Kubernetes' name for it; the kernel's own (uname -m) is {_GO_NAMES[name]}, and {EVERYWHERE} is for "
        "every machine"
    )


def _problem_with_modules(asked: Any) -> Optional[str]:
    if isinstance(asked, list) and all(isinstance(name, str) and _MODULE.match(name) for name in asked):
        return None
    return f"{asked!r} is no list of names of modules"


def _problem_with_sysctls(asked: Any) -> Optional[str]:
    if not isinstance(asked, dict):
        return f"{asked!r} is no dictionary of names and values"
    problems: Dict[str, Optional[str]] = {name: problem_with_sysctl(name) for name in asked}
    for name, value in asked.items():
        if isinstance(value, bool) or not isinstance(value, (int, str)) or "\n" in str(value):
            problems[name] = f"the value of {name} is {value!r}: write it as a number, or as text in quotes"
    return next(filter(None, problems.values()), None)
