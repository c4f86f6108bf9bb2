# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The options of host_precheck, for each way to check a host."""

import ipaddress
import re
from typing import Any, Dict, Mapping, NamedTuple, Optional

from .rules.catalogue import CATALOGUE
from .rules.declaration import Want
from .rules.versions import DOCUMENTED
from .upstream import autodetection, go_regexp

# The host and the moment, which are no settings of Calico's.
_NOT_SETTINGS = ("node_name", "controller_clock")
_CHOICES = {
    "dataplane": ["iptables", "nftables", "bpf"],
    "encapsulation": ["none", "ipip", "vxlan", "ipip_and_vxlan"],
    "calico_version": sorted(DOCUMENTED),
    "iptables_backend": ["auto", "legacy", "nft"],
}
DEFAULTS: Dict[str, Any] = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in Want._field_defaults.items()
    if name not in _NOT_SETTINGS
}
"""Every setting with its default."""


def _option(name: str, default: Any) -> Dict[str, Any]:
    """Without a default of its own: an option that is not given leaves it to `settings`."""
    if isinstance(default, list):
        return {"type": "list", "elements": "str"}
    choices = {"choices": _CHOICES[name]} if name in _CHOICES else {}
    return dict({"type": type(default).__name__}, **choices)


SETTINGS: Dict[str, Dict[str, Any]] = {name: _option(name, default) for name, default in DEFAULTS.items()}
OPTIONS: Dict[str, Dict[str, Any]] = dict(
    SETTINGS,
    settings={"type": "dict", "default": {}},
    overrides={"type": "dict", "default": {}},
    node_name={"type": "str"},
    controller_clock={"type": "float"},
    max_age={"type": "float", "default": 0.0},
    cache_dir={"type": "path"},
    checks={"type": "list", "elements": "str", "choices": [check.id for check in CATALOGUE]},
    fail_on={"type": "str", "choices": ["fail", "warn", "never"], "default": "fail"},
    deadline={"type": "int", "default": 30},
)


class Settled(NamedTuple):
    """Every setting, and where each comes from."""

    settings: Dict[str, Any]
    sources: Dict[str, str]


def settle(
    document: Mapping[str, Any],
    overrides: Mapping[str, Any],
    options: Mapping[str, Any],
    node_name: Optional[str] = None,
    prefix: str = "",
) -> Settled:
    """What the document says, for this node where it says that; over it what was asked for by name. The default where nothing does.

    `document`: a CalicoSettings, or settings alone. `overrides` are sourced as variables of this `prefix`, `options` as options. A
    value of null is none.
    """
    whole = document.get("kind") == "CalicoSettings"
    own = (document.get("nodes") or {}).get(node_name or "", {}) if whole else {}
    parts = [(document.get("settings") or {}, document.get("sources") or {})] if whole else [(document, {})]
    parts.append((own.get("settings") or {}, own.get("sources") or {}))
    parts.append((overrides, {name: prefix + name for name in overrides}))
    parts.append((options, {name: "option " + name for name in options}))
    settled = Settled(dict(DEFAULTS), dict.fromkeys(DEFAULTS, "default"))
    for values, sources in parts:
        for name, value in values.items():
            if name in DEFAULTS and value is not None:
                settled.settings[name] = value
                settled.sources[name] = sources.get(name, "settings")
    return settled


def problem_with(params: Mapping[str, Any]) -> Optional[str]:
    """What Ansible's own validation does not see; None when all is well."""
    for family in ("ip_autodetection", "ip6_autodetection"):
        problem = autodetection.problem_with(params[family])
        if problem:
            return f"{family}: {problem}"
    if params["ip_autodetection"] == autodetection.NO_ADDRESS and not params["ipv6"]:
        return "ip_autodetection is none and ipv6 is not set: calico-node would have no address at all"
    try:
        for name in ("mtu_interface_pattern", "bpf_data_interface_pattern"):
            go_regexp.compiled(params[name])
    except go_regexp.NotGo as error:
        return f"{name}: {error}"
    for name in ("pod_cidrs", "service_cidrs"):
        for cidr in params[name]:
            try:
                ipaddress.ip_network(cidr, strict=False)
            except ValueError:
                return f"{name}: {cidr} is no CIDR, as 192.168.0.0/16 is one"
    if params["apiserver"] and not re.match(r"^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$", params["apiserver"]):
        return f"apiserver: {params['apiserver']} is not HOST:PORT, as 10.0.0.1:6443 is"
    if params["deadline"] < 1:
        return f"deadline must be at least 1 second, not {params['deadline']}"
    return problem_with_keeping(params)


def problem_with_keeping(params: Mapping[str, Any]) -> Optional[str]:
    if params["max_age"] < 0:
        return f"max_age is a number of seconds, 0 to check anew each time, not {params['max_age']:g}"
    if params["max_age"] and not params["cache_dir"]:
        return "max_age needs cache_dir, the directory where results are kept"
    return None


def wanted(params: Mapping[str, Any]) -> Want:
    return Want(**{name: params[name] for name in Want._fields})


def unknown(values: Mapping[str, Any]) -> Optional[str]:
    """What among settings given as a mapping is none; None when all are."""
    strange = sorted(set(values) - set(DEFAULTS))
    return f"{', '.join(strange)}: no such setting; there are {', '.join(DEFAULTS)}" if strange else None
