# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host with a fault beside a ready Felix: where the precheck and Felix disagree."""
