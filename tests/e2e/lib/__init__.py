# SPDX-License-Identifier: GPL-2.0-only
"""Helpers of the end-to-end tests."""
