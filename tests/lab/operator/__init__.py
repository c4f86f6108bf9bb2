# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for tigera-operator, for tests: it is not the operator and runs none of its code.

The operator's image is in no package registry, so the lab runs this instead: `python -m tests.lab.operator`, on the API
server of KUBECONFIG. It behaves as the operator was read and seen to behave (the development line after Calico 3.32,
v1 CRDs) in what a staged rollout meets:

- defaults written back into the Installation's spec, which raises its generation, and the finalizers on it;
- the overrides of calico-node, csi-node-driver, typha, kube-controllers and calico-apiserver, with their traps: a node
  selector key that contains `operator.tigera.io` is dropped, `kubernetes.io/os` is forced, affinity and tolerations
  replace what was there;
- the `overlay` Installation;
- configurations that are rejected, with the operator's words, while the workloads stay as they are;
- the two DaemonSets and three Deployments with their placement, put back when somebody edits them by hand;
- the number of typha replicas, from all uncordoned nodes;
- TigeraStatus `calico`, `ippools`, `apiserver` and `tiers` on a 5 s ticker, the status of Installation and APIServer;
- its start, when `calico` is Degraded with "the cache is not started", and calico-node rendered twice on a clean install
  (`--pools-seen-after SECONDS`: the operator does that in some runs only).

What it leaves out, because nothing here depends on it: certificates, secrets, RBAC, Services and network policies;
IPPool objects (the pools of the Installation's spec count as the cluster's pools, and may be changed at any time);
Windows, eBPF bootstrap, migrations from manifests, Calico Enterprise, Goldmane and Whisker; tiers and their policies;
what containers do (kwok plays the pods); detection of the provider (`spec.kubernetesProvider` is taken as written).
After an Installation was deleted, the next one is reported like a first one; the operator remembers more.

Everything that decides is a pure function over JSON documents (defaults, overlay, validation, overrides, pods,
workloads, health, conditions, typha). installation.py, apiserver.py, reporter.py and writes.py read and write; loop.py
calls them in turn; __main__.py listens, on kopf.
"""
