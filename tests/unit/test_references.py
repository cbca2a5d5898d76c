"""Rows that refer to others of their own table or back in a circle, and what is said where a reference finds no foreign key."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text

from seedbed import Factory
from seedbed.errors import InvalidInput
from seedbed.export import numbered
from seedbed.fields import pick, reference
from tests.evaluating import by_label, evaluated, factory_of, picked


class CategoryFactory(Factory[Any]):
    class Meta:
        table = "category"

    name = "a name"
    parent = reference("CategoryFactory")


class ShelfFactory(Factory[Any]):
    class Meta:
        table = "shelf"

    category = pick("CategoryFactory")


class TestReference:
    """A row that a seed or a recipe names, and none where nobody does."""

    def test_by_default_there_is_none(self) -> None:
        """In a profile and in a unit test."""
        assert CategoryFactory.build().parent is None
        data = evaluated(lambda rows: rows.many(CategoryFactory, 2))
        assert by_label(data)["category:category/1"]["parent"] is None

    def test_a_seed_names_a_row_of_the_same_table(self) -> None:
        """By its label."""
        seeds = picked("category", fiction={}, crime={"parent": "fiction"})
        data = evaluated(lambda rows: rows.named(CategoryFactory), seeds=seeds)
        assert by_label(data)["category:crime"]["parent"] == "fiction"
        assert by_label(data)["category:fiction"]["parent"] is None

    def test_a_recipe_hangs_rows_below_rows_of_the_same_table(self) -> None:
        """Level by level."""

        def tree(rows: Any) -> None:
            top = rows.many(CategoryFactory, 1)
            rows.each(
                rows.each(top, CategoryFactory, 2, via="parent"), CategoryFactory, via="parent"
            )

        found = by_label(evaluated(tree))
        assert found["category:category/0/category/1"]["parent"] == "category/0"
        assert (
            found["category:category/0/category/1/category/0"]["parent"] == "category/0/category/1"
        )

    def test_a_bare_name_is_a_factory_of_the_same_module(self) -> None:
        """Also for pick, which may stand above what it picks from."""

        def recipe(rows: Any) -> None:
            rows.many(CategoryFactory, 1)
            rows.many(ShelfFactory, 1)

        assert by_label(evaluated(recipe))["shelf:shelf/0"]["category"] == "category/0"

    def test_a_bare_name_that_is_none_is_said_with_its_place(self) -> None:
        """The module in which the declaration stands is where it was looked for."""

        class LostFactory(Factory[Any]):
            class Meta:
                table = "lost"

            other = reference("NowhereFactory")

        with pytest.raises(InvalidInput, match=r"test_references\.NowhereFactory'\) names no"):
            by_label(evaluated(lambda rows: rows.many(LostFactory, 1)))


METADATA = MetaData()
Table("people", METADATA, Column("id", Integer, primary_key=True), Column("name", Text))
Table(
    "loans",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("lender_id", ForeignKey("people.id")),
    Column("borrower_id", ForeignKey("people.id")),
)


PeopleFactory = factory_of("PeopleFactory", name="x")


def fitted(**declarations: Any) -> Any:
    """Fit a person and a loan to their tables."""
    loans = factory_of("LoansFactory", **declarations)

    def recipe(rows: Any) -> None:
        rows.many(PeopleFactory, 1)
        rows.many(loans, 1)

    return numbered(evaluated(recipe), METADATA)


class TestWhatIsSaid:
    """Where a reference does not find its foreign key, the message says how it would."""

    def test_one_of_two_keys_is_meant(self) -> None:
        """The attribute is to be called after its column."""
        with pytest.raises(InvalidInput) as error:
            fitted(someone=pick(PeopleFactory))
        assert "2 foreign keys lead to people" in str(error.value)
        assert "call it borrower_id or lender_id, or without the _id" in str(error.value)

    @pytest.mark.parametrize("name", ["lender", "borrower_id"])
    def test_a_name_that_is_the_columns_finds_its_key(self, name: str) -> None:
        """With or without the _id."""
        fitted(**{name: pick(PeopleFactory)})

    def test_a_value_where_a_row_is_meant(self) -> None:
        """A plain None does not say that the attribute is a row."""
        with pytest.raises(InvalidInput) as error:
            fitted(lender=None)
        assert "loans.lender: the table has no such column" in str(error.value)
        assert "lender_id refers to people: make it fields.reference" in str(error.value)

    def test_a_label_in_a_column_of_keys(self) -> None:
        """A text cannot be a key that is a number."""
        with pytest.raises(InvalidInput) as error:
            fitted(lender_id="amina")
        assert "not an integer" in str(error.value)
        assert "to name a row of people, make it fields.reference" in str(error.value)
