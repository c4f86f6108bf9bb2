# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The questions to a host, so that these checks can judge."""

from typing import Any, Dict, Iterable, Optional

from .checks.filesystem import directories_of
from .checks.modules import NAMES
from .checks.pods import paths_of
from .checks.ports import ports_of
from .rules.catalogue import CATALOGUE
from .rules.declaration import Want
from .upstream.autodetection import destination


def asked_of(want: Want, selected: Optional[Iterable[str]] = None, deadline: float = 30.0) -> Dict[str, Any]:
    """`selected`: the ids of the checks to be made, all when None. `deadline`: seconds. Files and network are always read.

    - probes: questions to the kernel, as ipset.protocol, link.vxlan, compat.set.inet (host/probes/catalogue.py knows them)
    - modules: kernel modules whose state is told
    - ports: ports of TCP and UDP whose holders are told
    - directories: whose file systems are told, by the nearest parent for one that is not there
    - paths: of which it is told what is there, and which mount holds each
    - cni_conf_dir: where the CNI configuration is read
    - reach: name or address to which the route is told, or None
    - apiserver: HOST:PORT to agree on TLS with once, empty for no connection
    - allow_module_load: whether probes may make the kernel load modules, which stay loaded
    - deadline: seconds for all questions together
    """
    names = None if selected is None else set(selected)
    checks = [one for one in CATALOGUE if (names is None or one.id in names) and one.applies.holds(want)]
    return {
        "probes": list(dict.fromkeys(probe for check in checks for probe in check.probes(want))),
        "modules": list(NAMES),
        "ports": list(ports_of(want)),
        "directories": list(directories_of(want)),
        "paths": paths_of(want),
        "cni_conf_dir": want.cni_conf_dir,
        "reach": destination(want.ip_autodetection) or (destination(want.ip6_autodetection) if want.ipv6 else None),
        "apiserver": want.apiserver,
        "allow_module_load": want.allow_module_load,
        "deadline": deadline,
    }
