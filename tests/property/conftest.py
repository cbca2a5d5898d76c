"""Properties are tried on many inputs and never timed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("seedbed", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("seedbed")
