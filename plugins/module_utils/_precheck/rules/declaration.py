# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a check is, and how one is judged without ever ending the run.

A judgement is `ok`, `warn` or `fail`; `skipped` when the check applies and could not judge; `not_applicable` when these settings do
not need it; `not_asked` when the caller left it out. A host passes when no check failed, was skipped or was left out.
"""

from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..upstream.autodetection import NO_ADDRESS
from ..upstream.data_interfaces import DATA_INTERFACES

OUTSIDE = "or keep the node outside: it will be listed as excluded"


# Felix's default for mtuIfacePattern, felix/config/config_params.go.
MTU_INTERFACES = "^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)"


class Want(NamedTuple):
    """Which Calico the host is checked for. The one table of settings: options, defaults and documents follow from it.

    The defaults are what tigera-operator and Felix give a cluster that says nothing.
    """

    dataplane: str = "iptables"
    encapsulation: str = "ipip"
    bgp: bool = True
    bgp_port: int = 179
    ipv6: bool = False
    wireguard: bool = False
    ip_autodetection: str = "first-found"
    ip6_autodetection: str = "first-found"
    # Paths of the host: the controller must not expand them.
    cni_bin_dir: str = "/opt/cni/bin"
    cni_conf_dir: str = "/etc/cni/net.d"
    calico_version: str = "3.33"
    iptables_backend: str = "auto"
    mtu: int = 0
    mtu_interface_pattern: str = MTU_INTERFACES
    cgroup_v2_path: str = ""
    vxlan_port: int = 4789
    vxlan_vni: int = 4096
    health_port: int = 9099
    metrics_port: int = 0
    wireguard_port: int = 51820
    wireguard_port_v6: int = 51821
    typha: bool = True
    sctp: bool = False
    host_endpoints: bool = False
    flow_offload: bool = False
    flow_logs: bool = False
    bpf_data_interface_pattern: str = DATA_INTERFACES
    pod_cidrs: Sequence[str] = ()
    service_cidrs: Sequence[str] = ()
    flexvolume_path: str = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/"
    apiserver: str = ""
    allow_module_load: bool = False
    # Of the host and the moment, no settings of Calico's.
    node_name: Optional[str] = None
    controller_clock: Optional[float] = None

    @property
    def ipip(self) -> bool:
        return self.encapsulation in ("ipip", "ipip_and_vxlan")

    @property
    def vxlan(self) -> bool:
        return self.encapsulation in ("vxlan", "ipip_and_vxlan")

    @property
    def ipv4(self) -> bool:
        """Whether calico-node has an IPv4 address at all: not in a cluster of IPv6 alone."""
        return self.ip_autodetection != NO_ADDRESS


class Condition(NamedTuple):
    """When a check applies, in words for the catalogue and as a test."""

    words: str
    holds: Callable[[Want], bool]


class Judgement(NamedTuple):
    status: str
    message: str
    observed: Optional[str] = None
    expected: Optional[str] = None
    remedy: Optional[str] = None
    loadable: Tuple[str, ...] = ()
    """The modules that stand in for an answer: they could be loaded, and the kernel was not probed."""
    cause: Optional[str] = None
    """What hinders this check and others alike, see CheckResult.cause."""

    @property
    def evidence(self) -> bool:
        """Whether nothing that is needed was left unjudged."""
        return self.status not in ("skipped", "not_asked")


Judge = Callable[[Facts, Want], Judgement]
Remedy = Union[str, Callable[[Facts, Want], str]]


class Ground(NamedTuple):
    """What several checks rest on. If it does not hold, none of them can judge, and all share one finding."""

    id: str
    probes: Tuple[str, ...]
    fault: Callable[[Facts, Want], Optional[Judgement]]
    """None where it holds."""


class Check(NamedTuple):
    id: str
    rank: int
    category: str
    applies: Condition
    probes: Callable[[Want], Tuple[str, ...]]
    """Names of the questions to the kernel; file and network facts are always gathered."""
    remedy: Remedy
    source: str
    judge: Judge
    rests_on: Tuple[Ground, ...] = ()
    gravity: Callable[[Want], str] = lambda want: "fail"
    """How grave it is where a ground does not hold."""
    modules: Tuple[str, ...] = ()
    """Modules without which the check fails. If they are blocked or not installed, the check that says so reports both."""

    @property
    def promise(self) -> str:
        """What the check finds out, for the catalogue."""
        return (self.judge.__doc__ or "").strip()


ALWAYS = Condition("always", lambda want: True)


def check(
    rank: int,
    category: str,
    applies: Condition,
    remedy: Remedy,
    source: str,
    probes: Union[Tuple[str, ...], Callable[[Want], Tuple[str, ...]]] = (),
    rests_on: Tuple[Ground, ...] = (),
    gravity: Callable[[Want], str] = lambda want: "fail",
    modules: str = "",
) -> Callable[[Judge], Check]:
    """Makes a judgement a check of the same name."""
    first = tuple(probe for ground in rests_on for probe in ground.probes)

    def asked(want: Want) -> Tuple[str, ...]:
        return first + (probes(want) if callable(probes) else probes)

    def declare(judge: Judge) -> Check:
        names = tuple(modules.split())
        return Check(judge.__name__, rank, category, applies, asked, remedy, source, judge, rests_on, gravity, names)

    return declare


def ok() -> Judgement:
    """Without a word: a result names a check that found all well by its id alone."""
    return Judgement("ok", "")


def ok_unexercised(modules: Iterable[str]) -> Judgement:
    """All well by the files: these modules are on disk, nothing keeps them from loading, and loading was not allowed."""
    names = tuple(sorted(set(modules)))
    return Judgement("ok", f"loadable, not exercised: {', '.join(names)}", loadable=names)


def warn(
    message: str, observed: Optional[str] = None, expected: Optional[str] = None, remedy: Optional[str] = None
) -> Judgement:
    return Judgement("warn", message, observed, expected, remedy)


def fail(
    message: str, observed: Optional[str] = None, expected: Optional[str] = None, remedy: Optional[str] = None
) -> Judgement:
    return Judgement("fail", message, observed, expected, remedy)


def conduct(one: Check, facts: Facts, want: Want, selected: bool = True) -> Judgement:
    """The judgement of one check; a fault in it is a judgement too."""
    if not one.applies.holds(want):
        return Judgement("not_applicable", f"it applies to {one.applies.words}")
    if not selected:
        return Judgement("not_asked", "it was left out by `checks`")
    try:
        judgement = _on_its_grounds(one, facts, want) or one.judge(facts, want)
        if judgement.status in ("warn", "fail") and not judgement.remedy:
            judgement = judgement._replace(remedy=one.remedy(facts, want) if callable(one.remedy) else one.remedy)
        return judgement
    except NoEvidence as missing:
        return Judgement("skipped", missing.reason, remedy=missing.remedy, cause=missing.cause)
    except Exception as error:  # noqa: BLE001 - one faulty check must not cost the result of the others
        reason = f"because of an internal error: {type(error).__name__}: {error}"
        return Judgement("skipped", reason, remedy="report this as a fault of the collection")


def _on_its_grounds(one: Check, facts: Facts, want: Want) -> Optional[Judgement]:
    """The judgement of a check whose ground does not hold; None where all hold."""
    for ground in one.rests_on:
        fault = ground.fault(facts, want)
        if fault:
            return fault._replace(status=one.gravity(want), cause=ground.id)
    return None


def as_result(one: Check, judgement: Judgement) -> Dict[str, Any]:
    """The check's entry among the findings of the document."""
    return {
        "id": one.id,
        "rank": one.rank,
        "category": one.category,
        "status": judgement.status,
        "message": judgement.message,
        "observed": judgement.observed,
        "expected": judgement.expected,
        "remedy": judgement.remedy,
        "source": one.source,
        "cause": judgement.cause,
    }
