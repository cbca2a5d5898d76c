"""Disposable databases for tests: a server for a run, templates by fingerprint, clones, leases, and what is kept.

Knows nothing of pytest; `seedbed.pytest_plugin` is its only customer beside ``seedbed test-db``.
"""
