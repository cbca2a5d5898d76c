"""Lengths of time as PostgreSQL writes them: ``3 days 02:00:00``, ``-1 days +23:00:00``."""

from __future__ import annotations

import polars as pl

DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000


def interval_texts(durations: pl.Series) -> pl.Series:
    """Return durations as texts; days are days, and what is left of them hours, minutes and seconds.

    >>> interval_texts(pl.Series([93_600_500_000, -HOUR], dtype=pl.Duration("us"))).to_list()
    ['1 day 02:00:00.5', '-1 days +23:00:00']
    """
    micros = durations.cast(pl.Duration("us")).cast(pl.Int64)
    days, rest = pl.lit(micros // DAY), pl.lit(micros % DAY)
    clock = pl.concat_str(
        pl.when(days < 0).then(pl.lit("+")).otherwise(pl.lit("")),
        *(_two(rest // HOUR), pl.lit(":")),
        *(_two(rest // MINUTE % 60), pl.lit(":")),
        *(_two(rest // SECOND % 60), _fraction(rest % SECOND)),
    )
    day = pl.when(days == 1).then(pl.lit(" day")).otherwise(pl.lit(" days"))
    whole = pl.concat_str(days.cast(pl.String), day)
    text = (
        pl.when(days == 0)
        .then(clock)
        .when(rest == 0)
        .then(whole)
        .otherwise(pl.concat_str(whole, pl.lit(" "), clock))
    )
    return pl.select(text).to_series()


def _two(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.String).str.zfill(2)


def _fraction(micros: pl.Expr) -> pl.Expr:
    digits = micros.cast(pl.String).str.zfill(6).str.strip_chars_end("0")
    return pl.when(micros == 0).then(pl.lit("")).otherwise(pl.concat_str(pl.lit("."), digits))
