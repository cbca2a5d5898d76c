"""Which rows each environment of the payroll application has."""

from __future__ import annotations

from profiles.demo import demo
from profiles.development import development
from profiles.staging import staging
from profiles.testing import testing

__all__ = ["demo", "development", "staging", "testing"]
