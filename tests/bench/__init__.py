# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What labelling 1,000 nodes costs: this collection, a bare HTTP client, and a loop of kubernetes.core.k8s."""
