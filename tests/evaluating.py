"""Small factories and profiles for tests of the pure engine, and their rows as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from seedbed import Factory, Profile, Rows
from seedbed.batch import Seed
from seedbed.dataset import Dataset, TableName
from seedbed.factory import Context, using

AS_OF = datetime(2026, 3, 1, 12)
Recipe = Callable[[Rows], object]


def factory_of(name: str = "ThingFactory", /, **declarations: Any) -> type[Factory[Any]]:
    """Return a factory bound to a table by name; keyword `meta` has further options, `base` another base."""
    meta = {"table": name.removesuffix("Factory").lower(), **declarations.pop("meta", {})}
    base = declarations.pop("base", Factory)
    return type(name, (base,), {"Meta": type("Meta", (), meta), **declarations})


def evaluated(
    *recipes: Recipe, seeds: Mapping[str, Mapping[str, Seed]] | None = None, **options: Any
) -> Dataset:
    """Return the dataset of a profile with some recipes."""
    profile = Profile("tested")
    for recipe in recipes:
        profile.recipe(recipe)  # type: ignore[arg-type]  # a test's lambda may return its rows
    return profile.evaluate(**{"as_of": AS_OF, "seeds": seeds, **options})


def picked(table: str, **rows: Mapping[str, Any]) -> dict[str, dict[str, Seed]]:
    """Return hand-picked rows of a table: label to values."""
    return {table: {label: Seed(label, values) for label, values in rows.items()}}


def rows_of(dataset: Dataset, table: str = "thing") -> list[dict[str, Any]]:
    """Return a table's rows as dictionaries; a reference is the row it leads to, or None."""
    rows = dataset.tables[TableName(table)]
    columns = {name: rows.column(name).to_list() for name in rows.column_names}
    parents: dict[str, list[Any]] = {}
    for name, reference in rows.references.items():
        found = rows_of(dataset, str(reference.table)) if (reference.rows >= 0).any() else []
        parents[name] = [None if at < 0 else found[at] for at in reference.rows]
    names = [*columns, *parents]
    return [
        dict(zip(names, cells, strict=True))
        for cells in zip(*columns.values(), *parents.values(), strict=True)
    ]


def by_label(dataset: Dataset, *tables: str) -> dict[str, dict[str, Any]]:
    """Return all rows of some tables (all without) by ``table:label``; a reference is the other row's label."""
    found: dict[str, dict[str, Any]] = {}
    for name, rows in dataset.tables.items():
        if tables and str(name) not in tables:
            continue
        columns = {column: rows.column(column).to_list() for column in rows.column_names}
        for link, reference in rows.references.items():
            target = dataset.tables[reference.table]
            columns[link] = [None if at < 0 else target.label(int(at)) for at in reference.rows]
        for position, key in enumerate(rows.keys.tolist()):
            values = {column: cells[position] for column, cells in columns.items()}
            found[f"{name}:{rows.label(position)}"] = {"@key": key, **values}
    return found


def built(factory: type[Factory[Any]], count: int, **overrides: Any) -> list[Any]:
    """Return objects built one by one at the same moment, from a sequence that begins anew."""
    factory.reset_sequence(force=True)
    with using(Context(as_of=AS_OF)):
        return [factory.build(**overrides) for _ in range(count)]
