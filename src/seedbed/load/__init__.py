"""Bringing a Dataset into a live database: binding, comparing, writing, pruning."""
