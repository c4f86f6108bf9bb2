# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The links to which Felix attaches its bpf programs.

Mirrors felix/dataplane/linux/bpf_ep_mgr.go of projectcalico/calico, newBPFEndpointManager (dataIfaceRegex) and
applyProgramsToDirtyDataInterfaces. Read at v3.28.5 to release-v3.33: an interface that does not match bpfDataIfacePattern gets no
program, without a message. Of a bond or a bridge that does not match, matching ports get them, and Felix warns.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from . import go_regexp

DATA_INTERFACES = "^((en|wl|ww|sl|ib)[Popsx].*|(eth|wlan|wwan|bond).*)"
"""Felix's default for bpfDataIfacePattern, felix/config/config_params.go, since 3.28.5. It is not mtuIfacePattern's: enc600 of a mainframe
and env0 are in that one alone, bond0 in this one alone."""


class Attached(NamedTuple):
    """Where the programs for a link are."""

    itself: bool
    ports: List[str]
    """Ports of a link that has none itself."""


def attached(name: str, links: Sequence[Dict[str, Any]], pattern: str) -> Optional[Attached]:
    """None for a link that is not there. Raises NotGo."""
    wanted = go_regexp.compiled(pattern)
    link = next((one for one in links if one["name"] == name), None)
    if link is None:
        return None
    ports = [one["name"] for one in links if one["master"] == link["index"] and wanted.search(one["name"])]
    itself = bool(wanted.search(name))
    return Attached(itself, [] if itself else ports)
