"""Learned gating: features and update rules."""
