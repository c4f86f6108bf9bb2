# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. The admission label: goes with argspec.LABEL_OPTIONS."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  admission_label:
    description: The label that a node must carry to get Calico.
    type: dict
    default: {}
    suboptions:
      key:
        description:
          - Key of the label. Keys that contain C(operator.tigera.io), C(kubernetes.io/os) and
            C(projectcalico.org/operator-node-migration) are refused, because tigera-operator drops or overrides them.
        type: str
        default: rollout.calico-ops.dev/admitted
      value:
        description: Value of the label.
        type: str
        default: 'true'
"""
