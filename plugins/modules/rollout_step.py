#!/usr/bin/python
# Copyright (c) 2026, The calico_ops.rollout authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a rollout further for at most a minute: observe, decide, act. The action plugin of the same name calls it until the end."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_step
short_description: Carries out a rollout of Calico
version_added: "0.1.0"
author:
  - The calico_ops.rollout authors (@calico-ops)
description:
  - Observes the cluster, decides what the plan asks for next, and does it, until the rollout is finished.
  - Shows a line whenever the progress changes, and at least one a minute. The line has the batch, how many of its nodes are ready, what
    the rollout waits for, and the time since the task began. It also has an estimate of the time that is left, once the task has seen how
    long a batch takes in this run. A task with C(no_log) and check mode show none. Where the stdout callback writes JSON, the lines go
    to standard error.
  - With O(max_duration) the task makes one call only. It returns when the rollout is finished, when a batch is through, or after so many
    seconds. The playbook makes the loop, hands RV(state) on, and shows RV(progress).
  - Nodes on which calico-node is Ready already are adopted, that is, labelled before the selector is set. The module lists Ready pods
    again right before that write and once after it. If a node outside the plan became ready in between, the module labels it at once.
  - Setting the selector restarts calico-node on the nodes where it runs, as many at a time as C(maxUnavailable) of its rolling update
    allows. Where the plan says so, that is raised before and put back afterwards, also after a run that was killed.
  - A batch is admitted by one label write for each of its nodes. The selector is put into the C(Installation) once, after the labels
    of the first batch. The next batch follows only when calico-node is ready on every node admitted so far and stays so for the
    plan's soak.
  - Where the plan has C(verify), the nodes of a batch prove network policy by connections between pods of the rollout's own, after the
    soak and before the next batch. Each probe begins a call, and takes up to 57 seconds, twice that where a connection was lost. A node
    that does not enforce policy stops the rollout with its name, its connections and its workloads, or goes into quarantine. Missing
    evidence is tried again for as long as a batch may take. A run proves the batch that an earlier run was at, and those that follow;
    earlier ones count as proven. The end of the rollout removes the namespace of the probes.
  - A node that is not ready in time, or does not prove network policy, stops the rollout, or goes into quarantine, as C(on_failure) of its
    tier says. One write takes the admission label off, sets the label, the taint and the annotation of the quarantine, and so takes
    calico-node from the node. The rollout goes on without it. It stops instead where a person has to look, and says why. That is so for
    adopted nodes, for nodes of the control plane, and if nodes of earlier batches fail too.
  - No more nodes are started than could all fail within the failure budgets. M(calico_ops.rollout.node_release) ends a quarantine.
  - One rollout writes to a cluster at a time. A run takes the O(lock) before its first write, renews it in each call and in each wait, and
    releases it at its end. If another run has it, this one waits for O(lock_timeout) seconds and shows the holder's name, then it stops. If
    the holder's processes were on the same machine and have ended, this run takes the lock at once.
  - A run that loses the lock stops before its next write. It does not put back what it has raised either.
  - Where the plan has batches with witnesses, pods on their nodes connect to each other from before the label until after the soak. The
    report has the longest time without a connection of each node. A denied connection that came through stops the rollout. A node whose
    pods cannot run, or an API server that refuses them, is reported and holds nothing up. A run takes over the witnesses of a run that was
    killed; the end of the rollout removes them all.
  - What counts is what the cluster shows. RV(state) only remembers instants, so a rollout that was killed, or whose state was lost,
    goes on where it was.
  - The module does not fail when the rollout stops. It returns RV(outcome=stopped) with the reason in RV(report), so that the playbook
    can write its report first and fail then. It fails when the cluster cannot be read, or when an option is wrong.
  - Before the first label is written, the selector that follows and the labels of all batches are tried by a dry run. A refusal by the
    API server, an admission policy, a webhook or a failure budget stops the rollout before the first write. So does a danger to running
    nodes. Where a webhook allows no dry run, a note in the report says so.
  - If the API server restarts or a webhook is down, the module tries the write again until the batch's time is up. Until it succeeds,
    RV(progress) and RV(report) show its last answer.
  - Affinity, tolerations and the places of typha and the control plane are set together with the selector. Where the selector is in force
    already, what would restart calico-node (O(affinity), O(tolerations)) is not set any more. When it differs, the rollout stops.
  - Only nodes of the plan, and those that are adopted, are written to.
  - The first call of a run, without O(state), reviews all permissions that the rollout needs. If some are missing, the module fails, in
    check mode too, and lists them with the rules to add.
options:
  plan:
    description:
      - The plan, as the P(calico_ops.rollout.plan#filter) filter made it. A plan that was altered since is refused.
      - A plan that says which cluster it was made for is refused on another one. The cluster is identified by the UID of its namespace
        C(kube-system), or, if the account cannot read that, by the API server's address.
    type: dict
    required: true
  state:
    description:
      - RV(state) of the call before, in a loop of your own. Leave it out in the first call, and in each new run.
      - The state of another plan stops the rollout.
    type: dict
  max_duration:
    description:
      - Make one call that takes so many seconds at most, from 1 to 60. The call finishes a write or a probe of network policy that is
        under way.
      - Without it the task goes on until the rollout is finished.
    type: int
  installation_spec:
    description:
      - The C(spec) of the C(Installation) for a clean install. It is created, with the selectors in it, after the first batch is
        labelled.
      - Not used where an C(Installation) exists. Where none exists and this is not given, the rollout stops before the first label.
    type: dict
  when_owned:
    description:
      - What to do if Helm or a GitOps controller (Argo CD, Flux, Rancher Fleet) applies the Installation or APIServer, and it lacks a
        field. Labels, annotations and field managers show the owner. A patch would be taken out again at the next sync.
      - V(wait) labels the first batch, returns the YAML to commit as RV(to_commit), and waits until the fields are there.
      - V(refuse) labels the first batch and stops with that YAML. Before these labels are there, a commit would take calico-node
        from every node that runs it.
      - V(patch) writes all the same.
    type: str
    choices: [refuse, wait, patch]
    default: wait
  owner_timeout:
    description: Seconds that such a commit may take, at most 7200.
    type: int
    default: 3600
  lock_timeout:
    description:
      - Seconds that the run waits for another one that holds the O(lock), at most 86400. With V(0) it is refused at once.
      - If the holder died on another machine, its lock is free once this run has seen no renewal for the holder's duration. Less than
        that is never enough then.
    type: int
    default: 180
    version_added: 0.2.0
  run:
    description: Which run the call belongs to. The action plugin sets it.
    type: dict
    version_added: 0.2.0
    suboptions:
      name:
        description: Name of the run, for the lock.
        type: str
        required: true
      machine:
        description: Boot and PID namespace of the process that began the run.
        type: str
      pid:
        description: Its process id.
        type: int
      started:
        description: When it started, in clock ticks since the boot.
        type: int
extends_documentation_fragment:
  - calico_ops.rollout._kube
  - calico_ops.rollout._lock
  - calico_ops.rollout._placement
  - calico_ops.rollout._writes
  - calico_ops.rollout._attributes
  - calico_ops.rollout._attributes.kube_group
attributes:
  check_mode:
    support: full
    details:
      - Runs the rest of the rollout at once against a simulated cluster on which all goes well, and returns all actions and the diff.
      - The change of the C(Installation) is sent as a dry run, so it is judged by the API server as the real one would be.
      - It takes no lock. If another run holds it, a note names that run.
      - So are the labels of all batches. Of more than 100 nodes, 100 are tried that carry between them all labels and taints of the others.
  diff_mode:
    support: full
    details: Shows the labels and annotations of each node written, and the fields of the C(Installation) that were set.
  idempotent:
    support: partial
    details: Once the rollout is finished, nothing changes any more.
  async:
    description: Supports being used with the C(async) keyword.
    support: partial
    details:
      - Only with O(max_duration), which makes it one call. A whole rollout in the background would show no progress.
seealso:
  - module: calico_ops.rollout.installation_scope
  - module: calico_ops.rollout.node_labels
  - module: calico_ops.rollout.node_readiness
  - module: calico_ops.rollout.rollout_info
  - module: calico_ops.rollout.rollout_lock
"""

EXAMPLES = r"""
- name: Roll Calico out, and show the progress
  calico_ops.rollout.rollout_step:
    plan: "{{ plan }}"
    installation_spec:
      variant: Calico
  register: rollout
  failed_when: rollout is failed or rollout.outcome == 'stopped'

- name: Take the rollout further by at most a minute, in a loop of your own
  calico_ops.rollout.rollout_step:
    plan: "{{ plan }}"
    state: "{{ step.state | default(omit) }}"
    max_duration: 60
  register: step
  until: step.finished
  retries: 100
  delay: 0

- name: See what the whole rollout would do
  calico_ops.rollout.rollout_step:
    plan: "{{ plan }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
finished:
  description: Whether there is nothing left to do, because all is done or because the rollout stopped.
  returned: success
  type: bool
outcome:
  description: V(in_progress), V(done) or V(stopped). In check mode what a real run would end with if all went well.
  returned: success
  type: str
batch_completed:
  description: Whether a batch passed its gate during this task.
  returned: success
  type: bool
progress:
  description: Where the rollout stands, in one line.
  returned: success
  type: str
elapsed:
  description: Seconds that the module took, without the time that Ansible needs to start it.
  returned: success
  type: float
state:
  description: To be handed to the next call as it is. Its content is no interface.
  returned: success, and after a failure in the middle of a rollout
  type: dict
report:
  description: Where the rollout stands, as a document of kind C(Report).
  returned: success
  type: dict
  contains:
    outcome:
      description: As RV(outcome).
      type: str
      returned: always
    reason:
      description: What happens now, or why it stopped and what to do next, in one sentence.
      type: str
      returned: always
    planned:
      description: Number of nodes in the plan.
      type: int
      returned: always
    ready:
      description: Number of planned nodes with a ready calico-node.
      type: int
      returned: always
    batches:
      description: Each batch with its number of nodes, of nodes admitted, ready and in quarantine, and its state.
      type: list
      elements: dict
      returned: always
    excluded:
      description: Each node or host that stays outside, with cause, reason and remedy.
      type: list
      elements: dict
      returned: always
    unproven:
      description: Each node that is adopted because calico-node is Ready there, although its precheck did not pass.
      type: list
      elements: dict
      returned: always
    refused:
      description: Each write that the API server refused for now and that is still to be done, with its own words. At most 20 nodes.
      type: list
      elements: dict
      returned: always
    notes:
      description: What was done beside the plan, a sentence each.
      type: list
      elements: str
      returned: always
    operator:
      description: Every C(TigeraStatus), when the rollout is finished; empty before.
      type: list
      elements: dict
      returned: always
    control_plane:
      description: >-
        How the control plane and tigera-operator stand when the rollout is finished, and what they wait for; null before. The status of
        M(calico_ops.rollout.rollout_info) has the same. None of it is a gate.
      type: dict
      returned: always
    to_commit:
      description: YAML that the owner of the Installation or APIServer is to commit; null when nothing is waited for.
      type: str
      returned: always
    policy:
      description: >-
        What probes show of network policy: C(mode), on how many C(nodes) this run has proven it, the C(limits) of that, and in C(unproven)
        the last probe if it did not prove its nodes, with their rows and the C(workloads) there. Null where the plan proves nothing.
        Each of RV(report.batches) has its own C(policy), and a C(witness) where its nodes were witnessed.
      type: dict
      returned: always
      version_added: 0.2.0
    not_ready:
      description: Rows of the readiness table of the nodes that do not pass.
      type: list
      elements: dict
      returned: always
to_commit:
  description: YAML to merge into what Helm or a GitOps controller applies. The rollout goes on when the fields are in the cluster.
  returned: when the rollout began to wait for it
  type: str
readiness:
  description: The readiness table of the batches begun so far, as M(calico_ops.rollout.node_readiness) returns it.
  returned: success
  type: dict
actions:
  description: What the task did, or in check mode what the rest of the rollout would do, in order.
  returned: success, and after a failure in the middle of a rollout
  type: list
  elements: dict
  contains:
    do:
      description: V(label_nodes), V(scope_installation), V(start_witnesses), V(finish_witnesses), V(verify_policy), V(quarantine),
        V(clear_network_unavailable), V(await_owner), V(await_restart), V(raise_max_unavailable), V(restore_max_unavailable) or V(wait).
      type: str
      returned: always
    batch:
      description: Name of the batch.
      type: str
      returned: for label_nodes, verify_policy, quarantine, start_witnesses and finish_witnesses
    nodes:
      description: >-
        Names of the nodes that were labelled, that were to prove network policy, that were given witnesses, that went into quarantine or
        were cleared.
      type: list
      elements: str
      returned: for label_nodes, verify_policy, quarantine, clear_network_unavailable, start_witnesses and finish_witnesses
    count:
      description: Their number.
      type: int
      returned: for label_nodes, verify_policy, quarantine, clear_network_unavailable, start_witnesses and finish_witnesses
    reasons:
      description: Why, by node.
      type: dict
      returned: for quarantine
    trouble:
      description: By node why it has no witness, of twenty nodes at most; the empty name stands for all of them.
      type: dict
      returned: for start_witnesses, when there are such nodes
      version_added: 0.2.0
    denied_through:
      description: By node how many denied connections came through, of the nodes with any.
      type: dict
      returned: for finish_witnesses
      version_added: 0.2.0
    longest_gap_ms:
      description: Milliseconds of the longest gap of all nodes. Null where there was none.
      type: float
      returned: for finish_witnesses
      version_added: 0.2.0
    outcome:
      description: V(proven), V(failed) or V(not_proven).
      type: str
      returned: for verify_policy, but in check mode
      version_added: 0.2.0
    reason:
      description: The outcome in one sentence.
      type: str
      returned: for verify_policy, but in check mode
      version_added: 0.2.0
    verdicts:
      description: By node V(enforced), V(open), V(closed), V(late) or V(unproven).
      type: dict
      returned: for verify_policy, but in check mode
      version_added: 0.2.0
    settled:
      description: Milliseconds that policy took to be in force, as C(median), C(p99) and C(longest). Null where they were not measured.
      type: dict
      returned: for verify_policy, but in check mode
      version_added: 0.2.0
    seconds:
      description: How long each part of the probe took.
      type: dict
      returned: for verify_policy, but in check mode
      version_added: 0.2.0
    failed:
      description: The error of each node that could not be written.
      type: dict
      returned: for label_nodes and quarantine, when there are such nodes
    create:
      description: Whether the Installation was created.
      type: bool
      returned: for scope_installation
    changed:
      description: Whether the Installation was changed.
      type: bool
      returned: for scope_installation
    before:
      description: C(maxUnavailable) before.
      type: str
      returned: for raise_max_unavailable and restore_max_unavailable
    after:
      description: C(maxUnavailable) since; the same where somebody else had changed it and it stays.
      type: str
      returned: for raise_max_unavailable and restore_max_unavailable
    why:
      description: What was, or would be, waited for.
      type: str
      returned: for wait, await_owner and await_restart
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.access_review import require, rolling_out
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.action import Limits
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.actions.verify_policy import request_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.calico_objects import read_settings
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import (
    LOCK_OPTIONS,
    RUN_OPTIONS,
    Lock,
    foreseen,
    lock_settings,
    this_run,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.options import (
    PLACEMENT_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.policy_probe import namespace
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.step import Step
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import connected
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_CONSTRAINTS,
    AUTH_OPTIONS,
    WRITE_OPTIONS,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.cluster_identity import (
    refuse_another,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import (
    OWNER_TIMEOUT,
    WAIT,
    WHEN_OWNED,
    Wishes,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import read_placement
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import progress_line
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.plan.frozen import (
    given_plan,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import given_state

LONGEST_CALL = 60
LONGEST_COMMIT = 7200
LOCK_TIMEOUT = 180
"""Seconds. A run on another machine that died has its lock for 120 s."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "dict", "required": True},
            "state": {"type": "dict"},
            "max_duration": {"type": "int"},
            "installation_spec": {"type": "dict"},
            "when_owned": {"type": "str", "choices": list(WHEN_OWNED), "default": WAIT},
            "owner_timeout": {"type": "int", "default": OWNER_TIMEOUT},
            "lock_timeout": {"type": "int", "default": LOCK_TIMEOUT},
            **LOCK_OPTIONS,
            **RUN_OPTIONS,
            **AUTH_OPTIONS,
            **PLACEMENT_OPTIONS,
            **WRITE_OPTIONS,
        },
        supports_check_mode=True,
        **AUTH_CONSTRAINTS,
    )
    params = module.params
    began = time.monotonic()
    # The action plugin always says how long; what runs the module without it gets the longest call.
    max_duration = LONGEST_CALL if params["max_duration"] is None else params["max_duration"]
    if not 1 <= max_duration <= LONGEST_CALL:
        module.fail_json(msg=f"max_duration: {max_duration} is not between 1 and {LONGEST_CALL} seconds.")
    if not 1 <= params["owner_timeout"] <= LONGEST_COMMIT:
        module.fail_json(msg=f"owner_timeout: {params['owner_timeout']} is not between 1 and {LONGEST_COMMIT} seconds.")
    with connected(module) as cluster:
        lock = lock_settings(params)
        plan = given_plan(params["plan"])
        if plan["cluster"] is not None:
            refuse_another(plan["cluster"], cluster.name())
        wishes = Wishes(
            read_placement(params),
            params["force_conflicts"],
            params["when_owned"],
            params["owner_timeout"],
            # Anew in each call: who changes the Installation meanwhile has the next batch's evidence judged by it.
            read_settings(cluster, params["installation_spec"]) if plan["evidence"] else None,
        )
        step = Step(
            cluster=cluster,
            plan=plan,
            state=given_state(params["state"], plan),
            installation_spec=params["installation_spec"],
            limits=Limits(max_duration, params["rate"], params["concurrency"]),
            wishes=wishes,
        )
        if params["state"] is None:
            # Once a run: the calls that follow hand the state on.
            rights = rolling_out(
                cluster,
                plan["admission_label"],
                params["installation_spec"],
                wishes.placement,
                lock.place,
                plan["quarantine"]["clear_network_unavailable"],
            )
            require(cluster, rights, module.warn)
            if plan["verify"]:
                request = request_of(plan)
                proving = namespace.rights(request, namespace.exists(cluster, request.namespace))
                require(cluster, proving, module.warn, role_in=request.namespace)
        if module.check_mode:
            step.rehearse(*foreseen(cluster, lock))
        else:
            with Lock(cluster, lock, this_run(params["run"]), step.state["lock"]) as held:
                step.carry_out(held)
    report = step.decision["report"]
    module.exit_json(
        changed=step.journal.changed,
        finished=step.finished,
        outcome=report["outcome"],
        batch_completed=step.batch_completed,
        progress=progress_line(report, time.time()),
        elapsed=round(time.monotonic() - began, 1),
        state=step.state,
        report=report,
        readiness=step.readiness(),
        actions=step.journal.actions,
        diff=step.journal.diff(),
        **({"to_commit": step.to_commit} if step.to_commit else {}),
    )


if __name__ == "__main__":
    main()
