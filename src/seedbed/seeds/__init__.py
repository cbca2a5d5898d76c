"""Hand-picked rows, as data: ``seeds/*.yaml``, one file a table, each row with a label.

A file maps labels to rows, a row maps attributes of the table's factory to values. A reference is the other row's label. A time
may be relative to the moment the data is made for: ``as_of - 2h30m``. What a row leaves out, its factory makes up::

    horizon-relief:
      organization_name: Horizon Relief
      user: amina
      created_at: as_of - 90d
"""

from seedbed.seeds.reading import read_seeds
from seedbed.seeds.schema import json_schema

__all__ = ["json_schema", "read_seeds"]
