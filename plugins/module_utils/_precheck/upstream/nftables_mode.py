# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether Felix enforces by nftables, or goes by what kube-proxy does on the host.

Mirrors setNftablesMode of tigera/operator (pkg/controller/installation/core_controller.go): linuxDataplane Nftables sets
nftablesMode Enabled up to operator 1.40, which brings Calico 3.31, and Auto from operator 1.42 (3.32) on. In mode Auto Felix takes nftables
where kube-proxy has its table, and iptables elsewhere (felix/nftables/utils.go, Enabled).
"""

_ENABLED = ("3.28", "3.29", "3.30", "3.31")


def follows_kube_proxy(dataplane: str, calico_version: str) -> bool:
    """Whether nftablesMode is Auto for the data plane that the Installation asks for."""
    return dataplane == "nftables" and calico_version not in _ENABLED
