#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who has the rollout's lock, and the way to take it from a run that is gone for good."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_lock
short_description: Tells who holds the rollout's lock, and releases it
version_added: "0.2.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Only one rollout writes to a cluster at a time. The one that writes holds a C(Lease).
  - A lock that is left over needs no release. The next run on the same machine takes it at once if the holder's processes have ended, and
    any other run takes it once it has seen no renewal for the duration of the C(Lease).
  - With O(state=absent) the module takes the lock from its holder, whoever that is. If that run still goes on, it stops before its next
    write. What it has written stays.
options:
  state:
    description:
      - V(query) tells who holds it. V(absent) releases it.
    type: str
    choices: [query, absent]
    default: query
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._lock
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the holder.
  idempotent:
    support: full
seealso:
  - module: calico_ops.rollout.rollout_step
  - module: calico_ops.rollout.rollout_info
"""

EXAMPLES = r"""
- name: Who rolls out at this moment?
  calico_ops.rollout.rollout_lock:
  register: found

- name: Release the lock of a run that is gone
  calico_ops.rollout.rollout_lock:
    state: absent
"""

RETURN = r"""
lock:
  description: The lock as it was found. With O(state=absent) as it was before.
  returned: always
  type: dict
  contains:
    lease:
      description: Namespace and name of the C(Lease).
      type: str
      returned: always
    holder:
      description: Name of the run that holds it, namely user, host, process and a random part; null if it is free.
      type: str
      returned: always
    since:
      description: RFC 3339 time at which that run took it, by the clock of its machine.
      type: str
      returned: always
    renewed:
      description: RFC 3339 time of its last renewal, by the same clock.
      type: str
      returned: always
    gone:
      description: Whether the run's processes were on this machine and have ended. Then the next run from here takes the lock at once.
      type: bool
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import require
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import (
    LOCK_OPTIONS,
    lock_place,
    look,
    rights_to_unlock,
    unlock,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["query", "absent"], "default": "query"},
            **LOCK_OPTIONS,
            **AUTH_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    releases = module.params["state"] == "absent"
    with connected(module) as cluster:
        place = lock_place(module.params)
        read, *written = rights_to_unlock(place)
        require(cluster, [read, *(written if releases else [])], module.warn, role_in=place.namespace)
        found = unlock(cluster, place) if releases and not module.check_mode else look(cluster, place)
    before = found["holder"] or ""
    module.exit_json(
        changed=releases and bool(before),
        lock=found,
        diff={"before": f"{before}\n", "after": "\n" if releases else f"{before}\n"},
    )


if __name__ == "__main__":
    main()
