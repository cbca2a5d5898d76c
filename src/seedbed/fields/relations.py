"""Fields that look at other cells: pick a parent out of a pool, follow a parent's parent, derived, rollup, running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from factory.declarations import BaseDeclaration, SubFactory

from seedbed.errors import InvalidInput
from seedbed.fields.base import Cells, Field, evaluate, expression_of, frame, reported, roots

if TYPE_CHECKING:
    from seedbed.batch import Selection

col = pl.col
"""A column in an expression: ``col("hours") * col("employee.hourly_rate")``. The name may lead over parents.

Besides the row's own columns there are ``@as_of``, ``@index`` (the row's number among its siblings) and ``@key``."""


class _Led(SubFactory):
    """What leads to rows of a factory: the class, its path, or its name alone where it stands in the same module."""

    def __init__(self, factory: type | str, **overrides: Any) -> None:
        self._near = isinstance(factory, str) and "." not in factory
        super().__init__(f".{factory}" if self._near else factory, **overrides)

    def __set_name__(self, owner: type, name: str) -> None:
        if self._near:
            self.factory_wrapper.module = owner.__module__

    def get_factory(self) -> Any:
        """Return the factory.

        Raises:
            InvalidInput: only its name is known, and the declaration does not stand in a factory, whose module would be the one.
        """
        wrapper = self.factory_wrapper
        if self._near and wrapper.factory is None:
            wrapper.factory = self._neighbour(wrapper.module, wrapper.name)
        return super().get_factory()

    def _neighbour(self, module: str, name: str) -> Any:
        from seedbed.factory import every_factory

        if not module:
            kind = type(self).__name__
            raise InvalidInput(
                f"{kind}({name!r}) does not say where that factory is.",
                remedy=f"Name its module, such as {kind}('factories.{name}').",
            )
        # Not only attributes of the module: a factory may be defined in a function.
        there = [made for made in every_factory() if made.__module__ == module]
        return next((made for made in reversed(there) if made.__name__ == name), None)


class pick(_Led):  # noqa: N801
    """A parent out of a pool, by consistent hashing: one more row in a pool of n moves about 1/n of the picks.

    In `build()`, where there is no pool, it makes a parent as SubFactory does.

    Args:
        pool: a factory (all rows that the profile has of it; a name alone is one of the same module), or in a recipe the rows to pick
            from.
        weight: a column of the pool's rows, or an expression over them: relative shares, 1 being the ordinary one.
        distinct: whether rows that share a parent pick different ones (the two sides of a many-to-many table).

    >>> organization = pick("factories.OrganizationFactory")
    """

    def __init__(
        self,
        pool: type | str | Selection,
        *,
        weight: str | pl.Expr | None = None,
        distinct: bool = False,
        **overrides: Any,
    ) -> None:
        self.pool = pool
        self.weight = None if weight is None else expression_of(weight)
        self.distinct = distinct
        source = pool if isinstance(pool, type | str) else pool.factory
        super().__init__(source, **overrides)


class reference(_Led):  # noqa: N801
    """The row that a seed or a recipe names, and none where nobody does: the parent in a tree, or one end of a circle.

    Args:
        factory: of the row; a name alone is one of the same module.

    >>> parent = reference("CategoryFactory")
    """

    def __init__(self, factory: type | str) -> None:
        super().__init__(factory)

    def evaluate(self, instance: Any, step: Any, extra: Any) -> Any:
        """Return None, or in `build(parent__name=...)` a row that is made of what was given."""
        return super().evaluate(instance, step, extra) if extra else None


class follow(BaseDeclaration):  # noqa: N801
    """A parent's parent: the organization of a shift is the one that its channel belongs to.

    Where a row on the way is missing, so is the one at its end.

    Args:
        path: attributes that are other rows, from this row on, with dots between them.

    >>> organization = follow("payment_channel.organization")
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = tuple(path.split("."))
        if len(self.path) < 2 or not all(self.path):
            raise InvalidInput(
                f"follow({path!r}) names no parent's parent.",
                remedy="Name both, such as follow('payment_channel.organization').",
            )

    def evaluate(self, instance: Any, step: Any, extra: dict[str, Any]) -> Any:
        """Return the object at the end of the path, or None: what `build()` takes."""
        for name in self.path:
            instance = step.attribute(instance, name)
        return instance


class derived(Field):  # noqa: N801
    """A value computed from the row's other columns and its parents', as a polars expression.

    >>> total_amount = derived(col("hours_worked") * col("hourly_rate"))
    >>> currency = derived(col("organization.currency"))
    """

    def __init__(self, expression: pl.Expr) -> None:
        super().__init__()
        self.expression = expression

    def values(self, cells: Cells) -> pl.Series:
        """Return the expression's value per row."""
        return evaluate(self.expression, frame(cells, roots(self.expression)), cells.where)


class rollup(Field):  # noqa: N801
    """An aggregate over the rows that refer to this one.

    Args:
        children: the name of their factory (or of one it derives from).
        value: an aggregating expression over the children's columns.
        via: the attribute by which they refer to this row.
        default: the value where there are no children, or the aggregate is NULL.

    >>> total_hours = rollup("ShiftFactory", col("hours").sum(), via="employee", default=0)
    >>> active = rollup("ShiftFactory", col("status").filter(col("status") == "active").len(), via="employee")
    """

    def __init__(self, children: str, value: pl.Expr, *, via: str, default: Any = 0) -> None:
        super().__init__()
        self.children, self.value, self.via, self.default = children, value, via, default

    def values(self, cells: Cells) -> pl.Series:
        """Return the aggregate per row."""
        table = cells.children(self.children, self.via, roots(self.value))
        height = len(cells.keys)
        if not table.height:
            return pl.select(pl.repeat(self.default, height, eager=False)).to_series()
        with reported(cells.where):
            groups = _grouped(table, self.value)
        rows = pl.DataFrame({"@parent": range(height)}, schema={"@parent": pl.Int64})
        result = rows.join(groups, on="@parent", how="left", maintain_order="left")["@value"]
        return result if self.default is None else result.fill_null(self.default)


class running(Field):  # noqa: N801
    """A value along ordered siblings, such as a balance.

    Args:
        value: a window expression over the siblings' columns, such as ``col("amount").cum_sum()``.
        over: the attribute whose rows make siblings: all rows of this factory with the same parent there.
        order_by: what orders them; rows that tie keep the order of their keys.

    >>> balance_after = running(col("signed_amount").cum_sum(), over="account", order_by="booked_at")
    """

    def __init__(self, value: pl.Expr, *, over: str, order_by: str | pl.Expr) -> None:
        super().__init__()
        self.value, self.over, self.order_by = value, over, expression_of(order_by)

    def values(self, cells: Cells) -> pl.Series:
        """Return the window's value per row."""
        names = roots(self.value, self.order_by)
        table = cells.family(self.over, list(dict.fromkeys([*names, "@key"])))
        with reported(cells.where):
            table = table.sort("@parent", self.order_by, "@key", maintain_order=True)
            groups = _grouped(table, self.value)
        values = groups["@value"]
        if values.dtype == pl.List:
            values = values.explode()
        else:  # one value for the whole family
            values = values.gather(np.repeat(np.arange(len(groups)), groups["@size"].to_numpy()))
        table = table.with_columns(values.alias("@value"))
        return table.filter(pl.col("@here") >= 0).sort("@here")["@value"]


def _grouped(table: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """Return an expression's value per ``@parent``, in the order in which they are met, and ``@size``.

    Alone, a sum of floats is split over as many threads as the machine has (in ``over()`` too), and its last digit with them.
    An aggregate beside it that needs whole groups keeps each group in one thread.
    """
    whole = pl.col("@parent").implode().alias("@whole")
    groups = table.group_by("@parent", maintain_order=True)
    return groups.agg(value.alias("@value"), pl.len().alias("@size"), whole).drop("@whole")
