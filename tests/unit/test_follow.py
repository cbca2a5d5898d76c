"""`follow`: a parent's parent as a declaration, and references that must lead to one table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import factory
import polars as pl
import pytest

from seedbed import Factory, Profile
from seedbed.batch import Seed
from seedbed.errors import InvalidInput
from seedbed.fields import col, derived, follow
from seedbed.seeds import read_seeds

AS_OF = datetime(2026, 3, 1)


class FarmFactory(Factory):
    class Meta:
        table = "farms"

    name = factory.Sequence("Farm {}".format)


class FieldFactory(Factory):
    class Meta:
        table = "fields"

    farm = factory.SubFactory(FarmFactory)


class MeadowFactory(FieldFactory):
    class Params:
        shared_with = None


class HarvestFactory(Factory):
    class Meta:
        table = "harvests"

    field = factory.SubFactory(FieldFactory)
    farm = follow("field.farm")
    sold_by = derived(col("farm.name"))


class CrateFactory(Factory):
    class Meta:
        table = "crates"

    harvest = factory.SubFactory(HarvestFactory)
    farm = follow("harvest.field.farm")


def rows_of(recipe, seeds=None):
    profile = Profile("test")
    profile.recipe(recipe)
    tables = profile.evaluate(as_of=AS_OF, seeds=seeds).tables
    return {name.name: rows for name, rows in tables.items()}


def two_farms(rows):
    farms = rows.many(FarmFactory, 2)
    fields = rows.each(farms, FieldFactory, 3, via="farm")
    harvests = rows.each(fields, HarvestFactory, 2, via="field")
    rows.each(harvests, CrateFactory, via="harvest")


def test_a_row_refers_to_its_parents_parent():
    tables = rows_of(two_farms)
    fields, harvests = tables["fields"].references, tables["harvests"].references
    expected = fields["farm"].rows[harvests["field"].rows]
    assert harvests["farm"].rows.tolist() == expected.tolist()


def test_a_path_may_be_longer_than_two_steps():
    tables = rows_of(two_farms)
    crates, harvests = tables["crates"].references, tables["harvests"].references
    expected = harvests["farm"].rows[crates["harvest"].rows]
    assert crates["farm"].rows.tolist() == expected.tolist()


def test_columns_of_the_row_at_the_end_can_be_read():
    names = rows_of(two_farms)["harvests"].column("sold_by").to_list()
    assert names == ["Farm 0"] * 6 + ["Farm 1"] * 6


def test_parents_may_come_from_several_batches():
    def recipe(rows):
        first, second = rows.many(FarmFactory, 1), rows.many(FarmFactory, 1, segment="late")
        fields = rows.each(second + first, FieldFactory, via="farm")
        more = rows.each(first, FieldFactory, via="farm", segment="more")
        rows.each(fields + more, HarvestFactory, via="field")

    tables = rows_of(recipe)
    assert tables["fields"].references["farm"].rows.tolist() == [1, 0, 0]
    assert tables["harvests"].references["farm"].rows.tolist() == [1, 0, 0]


def test_where_a_row_on_the_way_is_missing_so_is_the_one_at_the_end():
    tables = rows_of(lambda rows: rows.many(CrateFactory, 2, harvest=None))
    assert tables["crates"].references["farm"].rows.tolist() == [-1, -1]


def test_a_missing_row_half_way_leaves_the_others_alone():
    def recipe(rows):
        fields = rows.many(FieldFactory, 1) + rows.many(FieldFactory, 1, segment="wild", farm=None)
        rows.each(fields, HarvestFactory, via="field")

    assert rows_of(recipe)["harvests"].references["farm"].rows.tolist() == [0, -1]


def test_a_batch_that_declares_no_such_row_has_none():
    def recipe(rows):
        meadows = rows.many(MeadowFactory, 1)
        shared = rows.each(meadows, MeadowFactory, via="shared_with", segment="shared")
        rows.each(
            meadows + shared, HarvestFactory, via="field", farm=follow("field.shared_with.farm")
        )

    assert rows_of(recipe)["harvests"].references["farm"].rows.tolist() == [-1, 0]


def test_build_takes_the_object_that_the_parent_has():
    harvest = HarvestFactory.build()
    assert harvest.farm is harvest.field.farm
    assert HarvestFactory.build(field=None).farm is None


def test_build_reads_what_only_the_parents_factory_knows():
    class OrchardFactory(FieldFactory):
        class Params:
            acres = 40
            neighbour = factory.SubFactory(FarmFactory, name="Next door")

    harvest = HarvestFactory.build(
        field=factory.SubFactory(OrchardFactory),
        farm=follow("field.neighbour"),
        acres=derived(col("field.acres") / 2),
        sold_by=derived(col("field.neighbour.name")),
    )
    assert (harvest.farm.name, harvest.acres, harvest.sold_by) == ("Next door", 20, "Next door")


def test_build_knows_the_type_of_an_empty_value_as_a_batch_does():
    class PlantedFactory(FieldFactory):
        class Params:
            sown_at = derived(pl.when(pl.lit(False)).then(col("@as_of")))

    harvest = HarvestFactory.build(
        field=factory.SubFactory(PlantedFactory),
        reaped_at=derived(col("field.sown_at") + timedelta(days=90)),
    )
    assert harvest.reaped_at is None


def test_build_has_nothing_where_a_parent_is_missing_as_a_batch_has():
    assert HarvestFactory.build(field=None).sold_by is None


def test_a_hand_picked_row_may_name_another_one():
    seeds = {
        "farms": {"home": Seed("home", {"name": "Home"}), "moor": Seed("moor", {"name": "Moor"})},
        "fields": {"acre": Seed("acre", {"farm": "home"})},
        "harvests": {
            "ours": Seed("ours", {"field": "acre"}),
            "lent": Seed("lent", {"field": "acre", "farm": "moor"}),
        },
    }
    harvests = rows_of(lambda rows: rows.named(HarvestFactory), seeds)["harvests"]
    assert harvests.column("sold_by").to_list() == ["Home", "Moor"]


def test_seed_files_know_the_table_at_the_end(tmp_path: Path):
    (tmp_path / "harvests.yaml").write_text("ours:\n  farm: nowhere\n")
    with pytest.raises(InvalidInput, match="farms has no row labelled 'nowhere'"):
        read_seeds(tmp_path, [FarmFactory, FieldFactory, HarvestFactory])


def test_an_attribute_that_is_no_row_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"FarmFactory\.name is not another row"):
        rows_of(lambda rows: rows.many(HarvestFactory, 1, farm=follow("field.farm.name")))


def test_a_path_of_one_step_is_refused():
    with pytest.raises(InvalidInput, match="names no parent's parent"):
        follow("field")


def test_a_reference_into_two_tables_is_refused():
    class BarnFactory(Factory):
        class Meta:
            table = "barns"

    def recipe(rows):
        anything = rows.many(FarmFactory, 1) + rows.many(BarnFactory, 1)
        rows.each(anything, FieldFactory, via="farm")

    with pytest.raises(InvalidInput, match="refers to rows of farms and of barns"):
        _ = rows_of(recipe)["fields"].references
