"""Batches: columns on demand, like a spreadsheet. Asking for a column pulls the columns it needs, here, above and below."""

from seedbed.batch.batch import Batch
from seedbed.batch.seed import AsOf, Seed
from seedbed.batch.selection import Link, Selection
from seedbed.batch.world import World

__all__ = ["AsOf", "Batch", "Link", "Seed", "Selection", "World"]
