"""A profile's rows without a database: as files, and to look at."""

from seedbed.export.files import write
from seedbed.export.rows import Exported, numbered

__all__ = ["Exported", "numbered", "write"]
