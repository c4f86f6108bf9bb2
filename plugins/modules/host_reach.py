#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What calico-node will send to other hosts, sent before."""

DOCUMENTATION = r"""
module: host_reach
short_description: Probes what hosts reach of each other on the ports of Calico
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - A step in three parts. With O(state=listening) a host listens on those ports of O(targets) that are free; with O(state=probed) hosts
    ask each other's listeners; with O(state=absent) the listeners end.
  - A listener ends by itself after O(listen_seconds), whatever happens to the play. It answers only who knows the O(token), holds no
    file, and accepts no other command than to end.
  - A port that is in use already is left alone. For TCP the result says whether a connection is accepted. For UDP and IP in IP it can
    prove nothing then.
  - The entry point C(reach) of the role P(calico_ops.rollout.precheck#role) runs the three on all hosts.
options:
  state:
    description: The part of the step.
    type: str
    choices: [listening, probed, absent]
    required: true
  token:
    description: A secret of this run, the same on all hosts. At least 16 characters.
    type: str
    required: true
  address:
    description: The IPv4 address of this host that calico-node will use. Needed to listen and to probe, unless O(address_v6) is given.
    type: str
  address_v6:
    description: The IPv6 address of this host that calico-node will use.
    type: str
  targets:
    description: >-
      What is listened on and probed: V(tcp/PORT), V(udp/PORT), or V(ip/4) for IP in IP, all over IPv4; V(tcp6/PORT) or V(udp6/PORT)
      over IPv6. Needed to listen and to probe. If one of two hosts has no address of a family, they are not probed over it.
    type: list
    elements: str
  peers:
    description: The hosts to probe.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the host, for the result.
        type: str
        required: true
      address:
        description: Its IPv4 address.
        type: str
      address_v6:
        description: Its IPv6 address.
        type: str
      ports:
        description: RV(ports) as the host returned it when it began to listen.
        type: dict
        required: true
  packets:
    description: >-
      Size in bytes of the largest IP packet for each target of UDP or IP in IP, from 128 to 65535. Other targets
      get a small packet alone. P(calico_ops.rollout.reach_packets#filter) has them for a host.
    type: dict
    default: {}
  listen_seconds:
    description: Seconds after which a listener ends by itself, at most 3600. It must be there until every host has probed.
    type: int
    default: 120
  probe_seconds:
    description: Seconds for all probes of a host together, at most 60.
    type: int
    default: 5
extends_documentation_fragment:
  - calico_ops.rollout._attributes
attributes:
  check_mode:
    support: full
    details: Nothing is listened on and nothing is sent; RV(ports) and RV(reached) are empty.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: A listener is no state of the host. It ends with the step.
notes:
  - Runs on Python 3.6 or newer with its standard library. Ports below 1024 and IP in IP need C(become).
seealso:
  - module: calico_ops.rollout.host_precheck
"""

EXAMPLES = r"""
- name: Listen where Typha and VXLAN will
  calico_ops.rollout.host_reach:
    state: listening
    address: "{{ ansible_host }}"
    targets:
      - tcp/5473
      - udp/4789
    token: "{{ token }}"
  become: true
  register: listening

- name: Ask the other host
  calico_ops.rollout.host_reach:
    state: probed
    address: "{{ ansible_host }}"
    targets:
      - tcp/5473
      - udp/4789
    peers:
      - name: edge-2
        address: 192.0.2.12
        ports: "{{ hostvars['edge-2'].listening.ports }}"
    packets:
      udp/4789: 1500
    token: "{{ token }}"
  become: true

- name: End the listener
  calico_ops.rollout.host_reach:
    state: absent
    token: "{{ token }}"
  become: true
"""

RETURN = r"""
ports:
  description: By target V(listening), V(in_use), or why it cannot be listened on.
  returned: when O(state=listening)
  type: dict
  sample:
    tcp/5473: listening
    udp/4789: in_use
reached:
  description:
    - The answer by peer and target. V(ok) means that our listener answered, V(answered) that something else took the connection.
    - V(too_big) means that the peer answered a small packet, and not one of the size in O(packets).
    - V(not_provable) means that the port is in use or could not be listened on, or that one host has no address of that family.
    - The other answers are V(refused), V(unreachable) and V(timeout).
  returned: when O(state=probed)
  type: dict
  sample:
    edge-2:
      tcp/5473: ok
      udp/4789: timeout
packets:
  description: O(packets) as given.
  returned: when O(state=probed)
  type: dict
  sample:
    udp/4789: 1500
listened:
  description: Whether the listener was there to the end. If not, what was probed towards this host proves nothing.
  returned: when O(state=absent)
  type: bool
"""

import ipaddress
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._reach import listen, probe, wire

LONGEST_LISTENING = 3600
LONGEST_PROBING = 60
SHORTEST_TOKEN = 16
SMALLEST_PACKET = 128


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": ["listening", "probed", "absent"]},
            "token": {"type": "str", "required": True, "no_log": True},
            "address": {"type": "str"},
            "address_v6": {"type": "str"},
            "targets": {"type": "list", "elements": "str"},
            "peers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "address": {"type": "str"},
                    "address_v6": {"type": "str"},
                    "ports": {"type": "dict", "required": True},
                },
            },
            "packets": {"type": "dict", "default": {}},
            "listen_seconds": {"type": "int", "default": 120},
            "probe_seconds": {"type": "int", "default": 5},
        },
        required_if=[
            ("state", "listening", ("targets",)),
            ("state", "probed", ("targets",)),
            ("state", "listening", ("address", "address_v6"), True),
            ("state", "probed", ("address", "address_v6"), True),
        ],
        supports_check_mode=True,
    )
    params = module.params
    complaint = refused(params)
    if complaint:
        module.fail_json(msg=complaint)
    try:
        module.exit_json(changed=False, **part(params, module.check_mode))
    except OSError as error:
        module.fail_json(msg=f"{params['state']}: {error.strerror or error}")


def refused(params):
    # type: (Dict[str, Any]) -> str
    """What is wrong with the options, for the user; empty when nothing is."""
    for option, most in (("listen_seconds", LONGEST_LISTENING), ("probe_seconds", LONGEST_PROBING)):
        if not 1 <= params[option] <= most:
            return f"{option}: {params[option]} is not between 1 and {most}."
    if len(params["token"]) < SHORTEST_TOKEN:
        return f"token: at least {SHORTEST_TOKEN} characters are needed."
    for text, size in params["packets"].items():
        if not isinstance(size, int) or not SMALLEST_PACKET <= size <= wire.LARGEST:
            return f"packets: {text}: {size!r} is not between {SMALLEST_PACKET} and {wire.LARGEST}."
    try:
        for text in params["targets"] or []:
            wire.target(text)
    except wire.BadTarget as error:
        return f"targets: {error}."
    for holder, where in [(params, "")] + [(peer, "peers: ") for peer in params["peers"]]:
        for option, kind, family in (("address", ipaddress.IPv4Address, 4), ("address_v6", ipaddress.IPv6Address, 6)):
            try:
                if holder[option] is not None:
                    kind(holder[option])
            except ValueError:
                return f"{where}{option}: {holder[option]!r} is no IPv{family} address."
    return ""


def part(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    targets = [wire.target(text) for text in params["targets"] or []]
    own = wire.Addresses(params["address"], params["address_v6"])
    if params["state"] == "listening":
        seconds = params["listen_seconds"]
        return {"ports": {} if check_mode else listen.start(targets, own, params["token"], seconds)}
    if params["state"] == "probed":
        peers = [
            probe.Peer(peer["name"], wire.Addresses(peer["address"], peer["address_v6"]), peer["ports"])
            for peer in params["peers"]
        ]
        seconds, sizes = params["probe_seconds"], params["packets"]
        asked = {} if check_mode else probe.probe(peers, targets, own, params["token"], seconds, sizes)
        return {"reached": asked, "packets": sizes}
    return {"listened": not check_mode and listen.stop(params["token"])}


if __name__ == "__main__":
    main()
