"""A profile's rows without a database: as files, and to look at."""

from seedbed.export.files import write
from seedbed.export.json_lines import json_rows
from seedbed.export.live import target_at
from seedbed.export.rows import Exported, numbered
from seedbed.export.texts import texts

__all__ = ["Exported", "json_rows", "numbered", "target_at", "texts", "write"]
