"""Reading whole columns: PostgreSQL sends them as arrays, numpy takes them as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, sql
from psycopg.postgres import types
from psycopg.pq import Format

INT8S = types["int8"].array_oid
"""The OID of bigint[]."""

ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
"""An element of a bigint[] in binary form, where it is not NULL."""

HEADER = 20
"""The bytes before the first element: dimensions, whether there are NULLs, the elements' type, length and lower bound."""


def fetch_arrays(connection: Connection[Any], query: sql.Composed) -> list[Any]:
    """Return one row of arrays: bigint[] as int64, anything else as psycopg gives it.

    A million numbers in one value are read by numpy in a few milliseconds; as rows they would take a second.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query)
        result = cursor.pgresult
        assert result is not None
        whole = {
            place: result.get_value(0, place)
            for place in range(result.nfields)
            if result.ftype(place) == INT8S and result.fformat(place) == Format.BINARY
        }
        if len(whole) == result.nfields:
            return [_int8s(value) for value in whole.values()]
        row = cursor.fetchone()
        assert row is not None
        return [_int8s(whole[place]) if place in whole else row[place] for place in range(len(row))]


def _int8s(value: bytes | None) -> npt.NDArray[np.int64] | None:
    """Read a bigint[] of one dimension that has no NULLs."""
    if value is None:
        return None
    return np.frombuffer(value, ELEMENT, offset=HEADER)["value"].astype(np.int64)
