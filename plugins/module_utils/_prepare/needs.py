# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which kernel modules and sysctls which Calico needs on which machine. Declared here and in _precheck's NEEDS, nowhere else.

The architecture is the kernel's own word (uname -m): a Node's label says what somebody called the machine.
"""

from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._precheck.checks.modules import NEEDS
from .._precheck.host.sweeps.modules import normal
from .._precheck.rules.declaration import ALWAYS, Condition, Want
from .sysctl import canonical

# felix/bpf: little-endian, and the data plane's programs are built for these two only.
BPF_MACHINES = ("x86_64", "aarch64")

_BPF = Condition("data plane bpf", lambda want: want.dataplane == "bpf")
_IPV6 = Condition("ipv6", lambda want: want.ipv6)


class ModuleNeed(NamedTuple):
    """One of these modules, whichever the kernel has."""

    names: Tuple[str, ...]
    when: Condition


class SysctlNeed(NamedTuple):
    key: str
    value: str
    when: Condition
    machines: Optional[Tuple[str, ...]] = None
    moves: Tuple[str, ...] = ()
    """Other sysctls that the kernel changes along with this one."""
    required: bool = True
    """Calico does not work without it; else it is set where the kernel has it."""


# Beside what the prechecks ask for: the bpf data plane hangs its programs on clsact (net/sched/sch_ingress.c).
_MORE_MODULES = (ModuleNeed(("sch_ingress",), _BPF), ModuleNeed(("cls_bpf",), _BPF))

SYSCTLS = (
    # inet_forward_change() in net/ipv4/devinet.c: a router forwards on every interface and believes no redirect.
    SysctlNeed(
        "net/ipv4/ip_forward",
        "1",
        ALWAYS,
        moves=("net/ipv4/conf/*/forwarding", "net/ipv4/conf/all/accept_redirects"),
    ),
    # addrconf_fixup_forwarding() in net/ipv6/addrconf.c
    SysctlNeed("net/ipv6/conf/all/forwarding", "1", _IPV6, moves=("net/ipv6/conf/*/forwarding",)),
    # Fixed at 1 or absent where the kernel always compiles, and absent outside the machine's own network namespace.
    SysctlNeed("net/core/bpf_jit_enable", "1", _BPF, machines=BPF_MACHINES, required=False),
)
_BY_KEY = {need.key: need for need in SYSCTLS}


def module_needs(want: Want, extra: Sequence[str]) -> List[ModuleNeed]:
    declared = [ModuleNeed(need.modules, need.when) for need in NEEDS] + list(_MORE_MODULES)
    return [need for need in declared if need.when.holds(want)] + [
        ModuleNeed((normal(name),), ALWAYS) for name in extra
    ]


def sysctl_needs(want: Want, machine: str, extra: Mapping[str, str]) -> List[SysctlNeed]:
    """In the order in which they are to be written: the user's own come last, and have the last word."""
    given = {canonical(name): value for name, value in extra.items()}
    own = [
        need
        for need in SYSCTLS
        if need.when.holds(want) and (need.machines is None or machine in need.machines) and need.key not in given
    ]
    moves = {key: _BY_KEY[key].moves if key in _BY_KEY else () for key in given}
    return own + [SysctlNeed(key, value, ALWAYS, moves=moves[key]) for key, value in given.items()]


def moved_by(keys: Sequence[str]) -> List[str]:
    """Patterns of the sysctls that change when these do."""
    return [pattern for key in keys if key in _BY_KEY for pattern in _BY_KEY[key].moves]


def unfit_machine(want: Want, machine: str) -> Optional[str]:
    """Why this Calico cannot run on such a machine, whatever modules it has."""
    if want.dataplane == "bpf" and machine not in BPF_MACHINES:
        return f"the bpf data plane runs on {' and '.join(BPF_MACHINES)} only, and this machine is {machine}"
    return None
