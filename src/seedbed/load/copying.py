"""COPY: frames as PostgreSQL's text format, into a table, in chunks, formatted in a thread while the server works.

The text format and not CSV: a row is a line whatever its values hold, so that the line number in a server's error names the row;
an empty string and NULL cannot be mixed up; and it is the faster one to read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from psycopg import Connection, sql

CHUNK = 50_000
SPECIAL = ["\\", "\n", "\r", "\t"]
ESCAPED = ["\\\\", "\\n", "\\r", "\\t"]


def copy_in(
    connection: Connection[Any],
    table: sql.Composable,
    columns: Sequence[str],
    length: int,
    part: Callable[[int, int], pl.DataFrame],
    progress: Callable[[int], None] = lambda rows: None,
) -> int:
    """COPY rows into a table and return how many the server took.

    Args:
        columns: names in the table, in the order of the frames' columns.
        length: the number of rows.
        part: gives the rows from a position on, so many of them; called in another thread.
        progress: is told the number of rows after each chunk.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    done = 0
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy, _ahead(_texts(length, part)) as texts:
            for rows, text in texts:
                copy.write(text)
                done += rows
                progress(rows)
        return cursor.rowcount


def _texts(length: int, part: Callable[[int, int], pl.DataFrame]) -> Iterator[tuple[int, bytes]]:
    for start in range(0, length, CHUNK):
        rows = min(CHUNK, length - start)
        yield rows, copy_text(part(start, rows))


def copy_text(frame: pl.DataFrame) -> bytes:
    """Return a frame of fitted columns in COPY's text format.

    >>> copy_text(pl.DataFrame({"a": [1, None], "b": ["x\\ty", ""]}))
    b'1\\tx\\\\ty\\n\\\\N\\t\\n'
    """
    columns = [_escaped(series) for series in frame.get_columns()]
    text = pl.DataFrame(columns).write_csv(
        include_header=False,
        separator="\t",
        quote_style="never",
        null_value="\\N",
        datetime_format="%Y-%m-%d %H:%M:%S%.6f",
        time_format="%H:%M:%S%.6f",
        date_format="%Y-%m-%d",
    )
    return text.encode()


def _escaped(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Binary:
        return pl.select(
            pl.concat_str([pl.lit("\\\\x"), pl.lit(series.bin.encode("hex"))]).alias(series.name)
        ).to_series()
    if series.dtype == pl.String and series.str.contains_any(SPECIAL).any():
        return series.str.replace_many(SPECIAL, ESCAPED)
    return series


@contextmanager
def _ahead(
    items: Iterator[tuple[int, bytes]],
) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Run an iterator in a thread, at most two items ahead of who reads them."""
    box: queue.Queue[Any] = queue.Queue(maxsize=2)
    stop = threading.Event()

    def put(item: Any) -> bool:
        """Wait for room and put an item in; False where nobody reads any more."""
        while not stop.is_set():
            try:
                box.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        """Fill the queue, and end it with None or with the exception that stopped the iterator."""
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as failure:  # handed over to the reader, who raises it
            put(failure)

    def read() -> Iterator[tuple[int, bytes]]:
        """Yield what the thread has made."""
        while (item := box.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=work, name="seedbed-format", daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        stop.set()
        thread.join()
