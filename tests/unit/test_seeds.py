"""Seed files: hand-picked rows as data, and everything that is wrong with them at once, by file and line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import factory
import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    Enum,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
)
from sqlalchemy.dialects.postgresql import ARRAY, INET, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from seedbed import Factory
from seedbed.batch import AsOf, Seed
from seedbed.errors import InvalidInput
from seedbed.fields import choice, follow, moment, pick
from seedbed.seeds import json_schema, read_seeds
from seedbed.seeds.reading import relative_time
from tests.evaluating import AS_OF, by_label, evaluated, factory_of


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[str]: ARRAY(String)}


class Town(Base):
    __tablename__ = "towns"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Shop(Base):
    __tablename__ = "shops"
    id: Mapped[int] = mapped_column(primary_key=True)
    town_id: Mapped[int] = mapped_column(ForeignKey("towns.id"))
    town: Mapped[Town] = relationship()
    name: Mapped[str]
    staff: Mapped[int]
    rent: Mapped[Decimal | None] = mapped_column(Numeric(20, 8))
    share: Mapped[float]
    open: Mapped[bool]
    founded: Mapped[date]
    opened_at: Mapped[datetime | None]
    opens: Mapped[time | None]
    kind: Mapped[str] = mapped_column(Enum("bakery", "butcher", name="kind"))
    size: Mapped[str | None] = mapped_column(info={"vocabulary": ("small", "big")})
    floors: Mapped[int | None] = mapped_column()
    tags: Mapped[list[str]]
    details: Mapped[dict[str, Any] | None]
    address: Mapped[str] = mapped_column(INET)
    code: Mapped[str | None] = mapped_column(UUID)
    __table_args__ = (CheckConstraint(floors.in_([1, 2])), CheckConstraint("staff > 0"))


class TownFactory(Factory):
    class Meta:
        model = Town

    name = factory.Faker("city")


class ShopFactory(Factory):
    class Meta:
        model = Shop

    class Params:
        closed = factory.Trait(open=False)

    town = pick(TownFactory)
    name = factory.Faker("company")
    staff = 1
    rent = None
    share = 0.5
    open = True
    founded = date(2020, 1, 1)
    opened_at = moment(timedelta(days=-1))
    opens = time(8)
    kind = choice(["bakery", "butcher"])
    size = "big"
    floors = 1
    tags = factory.LazyFunction(list)
    details = None
    address = "192.0.2.1"
    code = None


FACTORIES = [
    TownFactory,
    ShopFactory,
    factory_of("NoteFactory", shop=pick(ShopFactory), town=follow("shop.town"), text="x", at=None),
]
Write = Callable[..., Path]


NO_LABEL = "is no label, which is a text of one line without a slash"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes seed files and returns their folder."""

    def write(**files: str | bytes) -> Path:
        folder = tmp_path / "seeds"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            path = folder / name.replace("__", ".")
            path.write_bytes(
                text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            )
        return folder

    return write


GOOD = """\
# who sells
corner:
  town: bonn
  name: "Corner"
  staff: 3
  rent: 1200.10
  share: 1
  open: yes
  founded: 2019-05-01
  opened_at: as_of - 2h30m
  opens: 09:30
  kind: bakery
  size: small
  floors: 2
  tags: [bread, cake]
  details: {theme: dark, sizes: [1, 2.5], inner: {a: null}}
  address: 198.51.100.7
empty:
mall: {town: bonn, opened_at: 2026-02-01 09:30:00, founded: as_of - 30d, closed: true}
"""


AS_WRITTEN = [
    "01234",
    "+447700900608",
    "no",
    "on",
    "1_0",
    "0x1F",
    "010",
    "1.50",
    "1e3",
    ".5",
    "12:30",
    "true",
]
"""Scalars of which YAML makes something that would be written in another way, or no text."""


class TestReading:
    """What a good file gives."""

    def test_values_come_in_the_columns_types(self, write: Write) -> None:
        """Numbers exact, times relative or absolute, the rest as written."""
        seeds = read_seeds(write(towns__yaml="bonn: {name: Bonn}\n", shops__yaml=GOOD), FACTORIES)
        assert seeds["shops"]["corner"].values == {
            "town": "bonn",
            "name": "Corner",
            "staff": 3,
            "rent": Decimal("1200.10"),
            "share": 1,
            "open": True,
            "founded": date(2019, 5, 1),
            "opened_at": AsOf(-timedelta(hours=2, minutes=30)),
            "opens": "09:30",
            "kind": "bakery",
            "size": "small",
            "floors": 2,
            "tags": ["bread", "cake"],
            "details": {"theme": "dark", "sizes": [1, 2.5], "inner": {"a": None}},
            "address": "198.51.100.7",
        }
        assert str(seeds["shops"]["corner"].values["rent"]) == "1200.10"
        assert seeds["shops"]["empty"].values == {}

    def test_rows_and_values_know_their_lines(self, write: Write) -> None:
        """For messages that come later."""
        seeds = read_seeds(write(towns__yaml="bonn: {name: Bonn}\n", shops__yaml=GOOD), FACTORIES)
        shop = seeds["shops"]["corner"]
        assert shop.origin == "seeds/shops.yaml:2"
        assert shop.origin_of("staff") == "seeds/shops.yaml:5"
        assert seeds["shops"]["mall"].origin == "seeds/shops.yaml:19"

    def test_what_a_row_leaves_out_its_factory_makes_up(self, write: Write) -> None:
        """The same every time, and the trait it names is taken."""
        seeds = read_seeds(write(towns__yaml="bonn: {name: Bonn}\n", shops__yaml=GOOD), FACTORIES)
        shops = by_label(evaluated(lambda rows: rows.named(ShopFactory), seeds=seeds), "shops")
        mall = shops["shops:mall"]
        assert (mall["town"], mall["open"], mall["opened_at"]) == (
            "bonn",
            False,
            datetime(2026, 2, 1, 9, 30),
        )
        assert mall["founded"] == AS_OF - timedelta(days=30)
        assert mall["name"]
        assert shops["shops:corner"]["opened_at"] == AS_OF - timedelta(hours=2, minutes=30)
        assert shops["shops:empty"]["town"] == "bonn"

    @pytest.mark.parametrize("text", AS_WRITTEN)
    def test_a_column_of_texts_takes_what_was_written(self, write: Write, text: str) -> None:
        """Whatever YAML would make of it; also in a list of texts, and where a label is meant."""
        shops = f"a: {{town: {text}, name: {text}, tags: [{text}, {text}]}}\n"
        seeds = read_seeds(write(towns__yaml=f"{text}:\n", shops__yaml=shops), FACTORIES)
        assert seeds["shops"]["a"].values == {"town": text, "name": text, "tags": [text, text]}

    @pytest.mark.parametrize("text", AS_WRITTEN)
    def test_where_the_type_is_not_known_a_changed_number_stays_as_written(
        self, write: Write, text: str
    ) -> None:
        """A text is any column's: PostgreSQL reads it."""
        note = f"a: {{text: {text}}}\n"
        value = read_seeds(write(note__yaml=note), FACTORIES)["note"]["a"].values["text"]
        assert text in (value, str(value).lower(), str(value))

    def test_other_columns_still_take_what_they_took(self, write: Write) -> None:
        """Digits in groups, hexadecimal and leading zeros for numbers, YAML 1.1's words for booleans."""
        shops = "a: {staff: 1_000, rent: 1_200.50, share: +.5, open: No, floors: 02}\n"
        values = read_seeds(write(towns__yaml="", shops__yaml=shops), FACTORIES)["shops"][
            "a"
        ].values
        assert values == {
            "staff": 1000,
            "rent": Decimal("1200.50"),
            "share": Decimal("0.5"),
            "open": False,
            "floors": 2,
        }

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
    def test_an_empty_file_has_no_rows(self, write: Write, text: str) -> None:
        """As has a folder that is not there."""
        assert read_seeds(write(towns__yaml=text), FACTORIES) == {"towns": {}}
        assert read_seeds(Path("nowhere"), FACTORIES) == {}

    def test_a_date_is_midnight_where_a_time_is_wanted(self, write: Write) -> None:
        """And a byte order mark or another suffix is no obstacle."""
        folder = write(
            towns__yaml="bonn:\n", shops__yml="\ufeffa: {town: bonn, opened_at: 2026-02-01}\n"
        )
        shop = read_seeds(folder, FACTORIES)["shops"]["a"]
        assert shop.values["opened_at"] == datetime(2026, 2, 1)
        assert shop.origin == "seeds/shops.yml:1"

    def test_anchors_and_merges_work_inside_values(self, write: Write) -> None:
        """They are YAML's."""
        text = "a: {town: bonn, details: &d {x: 1, y: 2}}\nb: {town: bonn, details: {<<: *d, y: 3}}\nc: {town: bonn, details: *d}\n"
        shops = read_seeds(write(towns__yaml="bonn:\n", shops__yaml=text), FACTORIES)["shops"]
        assert shops["b"].values["details"] == {"x": 1, "y": 3}
        assert shops["c"].values["details"] == {"x": 1, "y": 2}


BAD = {
    "town: bon": "a.town: towns has no row labelled 'bon' (did you mean 'bonn'?)",
    "town: 7": "a.town: towns has no row labelled '7' (known: bonn)",
    "town: [bonn]": "a.town: towns has no row labelled ['bonn'] (did you mean 'bonn'?)",
    "nmae: x": "a has an unknown column 'nmae' (did you mean 'name'?)",
    "name: [x]": "a.name is ['x'], not text",
    "name: {x: 1}": "a.name is {'x': 1}, not text",
    "name: ~": "a.name must not be empty",
    "staff: 1.0": "a.staff is 1.0, not a whole number",
    "staff: '3'": "a.staff is '3', not a whole number",
    "staff: true": "a.staff is True, not a whole number",
    "rent: cheap": "a.rent is 'cheap', not a number",
    "rent: yes": "a.rent is 'yes', not a number",
    "share: [1]": "a.share is [1], not a number",
    "open: 1": "a.open is 1, not true or false",
    "open: maybe": "a.open is 'maybe', not true or false",
    "founded: soon": "a.founded is 'soon', not a date, such as 2026-03-01 or as_of - 30d",
    "founded: 2026-03-01 or so": "a.founded is '2026-03-01 or so', not a date, such as 2026-03-01 or as_of - 30d",
    "opened_at: 2026-03-01 noon": "a.opened_at is '2026-03-01 noon', not a time, such as 2026-03-01 09:30:00 or as_of - 2h",
    "founded: 2026-02-30": "a.founded: day is out of range for month",
    "opened_at: as_of - 2x": "a.opened_at is 'as_of - 2x', not a time, such as 2026-03-01 09:30:00 or as_of - 2h",
    "opened_at: 12": "a.opened_at is 12, not a time, such as 2026-03-01 09:30:00 or as_of - 2h",
    "opens: 930": "a.opens is 930, not a time of day, such as 09:30",
    "kind: baker": "a.kind is 'baker', not one of bakery, butcher",
    "size: huge": "a.size is 'huge', not one of small, big",
    "floors: 3": "a.floors is 3, not one of 1, 2",
    "kind: [bakery]": "a.kind is ['bakery'], not one of bakery, butcher",
    "closed: perhaps": "a.closed is 'perhaps', not true or false",
    "details: {x: 1, x: 2}": "a.details: 'x' stands in it twice",
    "details: !run x": "a.details: could not determine a constructor for the tag '!run'",
    "details: {[1]: 2}": "a.details: found unhashable key",
    "details: {zip: 01234}": "a.details: 01234 would be read as 1234: put it in quotes if it is text, else write 1234",
    "details: [{no: 0x1F}]": "a.details: 0x1F would be read as 31: put it in quotes if it is text, else write 31",
    "staff: 1\n  staff: 2": "'staff' stands in line 2 already",
}


BEYOND_SCHEMA = {
    "founded: 2026-02-30",
    "staff: 1.0",
    "details: {x: 1, x: 2}",
    "details: !run x",
    "details: {[1]: 2}",
    "details: {zip: 01234}",
    "details: [{no: 0x1F}]",
    "staff: 1\n  staff: 2",
}
"""What an editor finds itself or not at all: to JSON Schema 1.0 is a whole number, `no` a text and every date a date."""


class TestFindings:
    """What is wrong is said with file and line, the nearest right name, and all at once."""

    def findings(self, folder: Path) -> list[str]:
        with pytest.raises(InvalidInput) as failure:
            read_seeds(folder, FACTORIES)
        assert failure.value.exit_code == 2
        return [str(finding) for finding in failure.value.findings]

    @pytest.mark.parametrize("line", BAD)
    def test_a_wrong_value_is_named_with_its_line(self, write: Write, line: str) -> None:
        """And why it is wrong."""
        folder = write(towns__yaml="bonn:\n", shops__yaml=f"a:\n  {line}\n")
        at = 2 + line.count("\n")
        assert self.findings(folder) == [f"seeds/shops.yaml:{at}: {BAD[line]}"]

    @pytest.mark.parametrize(
        ("text", "finding"),
        [
            ("a: 1\n", "seeds/shops.yaml:1: a: a row maps columns to values"),
            ("a: []\n", "seeds/shops.yaml:1: a: a row maps columns to values"),
            ("- a\n- b\n", "seeds/shops.yaml:1: is not a mapping of labels and their rows"),
            ("just text\n", "seeds/shops.yaml:1: is not a mapping of labels and their rows"),
            ("a:\n\nb:\na:\n", "seeds/shops.yaml:4: 'a' stands in line 1 already"),
            ("[1, 2]: {}\n", "seeds/shops.yaml:1: a key must be a plain text"),
            *(
                (f"a: {{}}\n{written}: {{}}\n", f"seeds/shops.yaml:2: {label!r} {NO_LABEL}")
                for written, label in (("''", ""), ("b/c", "b/c"), ('"b\\nc"', "b\nc"))
            ),
            (
                "a:\n  staff: 1\n b: 2\n",
                "seeds/shops.yaml:3: is not YAML: did not find expected key",
            ),
            ("a: {staff: 1\n", "seeds/shops.yaml:2: is not YAML: did not find expected ',' or '}'"),
            ("a: *nobody\n", "seeds/shops.yaml:1: is not YAML: found undefined alias"),
            ("a: {}\n---\nb: {}\n", "seeds/shops.yaml:2: is not YAML: but found another document"),
            (
                "\ta: 1\n",
                "seeds/shops.yaml:1: is not YAML: found character that cannot start any token",
            ),
            (
                b"a: \xff\n",
                "seeds/shops.yaml: is not YAML in UTF-8: 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte",
            ),
        ],
    )
    def test_a_broken_file_is_named_with_its_line(
        self, write: Write, text: str | bytes, finding: str
    ) -> None:
        """As far as there is one."""
        assert self.findings(write(shops__yaml=text)) == [finding]

    @pytest.mark.parametrize("text", ["a: \x00\n", "a: \x07\n"])
    def test_a_character_that_yaml_forbids_is_named(self, write: Write, text: str) -> None:
        """A control character."""
        (finding,) = self.findings(write(shops__yaml=text))
        assert finding.startswith("seeds/shops.yaml")

    def test_a_file_of_no_table_is_named(self, write: Write) -> None:
        """With the nearest table."""
        assert self.findings(write(shop__yaml="a: {}\n")) == [
            "seeds/shop.yaml: no factory makes rows of 'shop' (did you mean 'shops'?)"
        ]

    def test_where_there_is_no_factory_it_is_said_where_they_are_looked_for(
        self, tmp_path: Path
    ) -> None:
        """Nothing is near."""
        (tmp_path / "shops.yaml").write_text("a: {}\n")
        with pytest.raises(InvalidInput) as refusal:
            read_seeds(tmp_path, [])
        assert "factories are looked for in" in str(refusal.value.findings[0].remedy)

    def test_two_files_of_one_table_are_named(self, write: Write) -> None:
        """Neither silently wins."""
        folder = write(towns__yaml="a:\n", towns__yml="b:\n")
        assert self.findings(folder) == [
            "seeds/towns.yml: seeds/towns.yaml holds rows of 'towns' already"
        ]

    @pytest.mark.parametrize(
        "files",
        [{"towns__yaml": "bonn: {\n"}, {"towns__yaml": "- a\n"}, {"towns__yaml": "bonn: 1\n"}],
        ids=["no YAML", "no mapping", "no row"],
    )
    def test_rows_that_cannot_be_read_are_not_missed_elsewhere(
        self, write: Write, files: dict[str, str]
    ) -> None:
        """One mistake is one finding, however many rows refer to what it hides."""
        folder = write(**files, shops__yaml="a: {town: bonn}\nb: {town: bonn}\n")
        (finding,) = self.findings(folder)
        assert finding.startswith("seeds/towns.yaml:")

    def test_rows_of_a_second_file_are_not_missed_elsewhere(self, write: Write) -> None:
        """That there are two files is the one mistake."""
        folder = write(towns__yaml="a:\n", towns__yml="b:\n", shops__yaml="x: {town: b}\n")
        assert self.findings(folder) == [
            "seeds/towns.yml: seeds/towns.yaml holds rows of 'towns' already"
        ]

    def test_a_folder_in_a_files_place_is_named(self, write: Write) -> None:
        """It cannot be read."""
        folder = write()
        (folder / "towns.yaml").mkdir()
        assert self.findings(folder) == ["seeds/towns.yaml: cannot be read: Is a directory"]

    def test_everything_is_said_at_once(self, write: Write) -> None:
        """All files, all rows, all columns."""
        folder = write(
            other__yaml="x: {}\n",
            note__yaml="n:\n  shop: cornr\n  town: bon\n",
            shops__yaml="corner:\n  staff: many\n  nmae: x\n",
            towns__yaml="bonn:\n  name: [5]\nbonn:\n",
        )
        assert sorted(self.findings(folder)) == [
            "seeds/note.yaml:2: n.shop: shops has no row labelled 'cornr' (did you mean 'corner'?)",
            "seeds/note.yaml:3: n.town: towns has no row labelled 'bon' (did you mean 'bonn'?)",
            "seeds/other.yaml: no factory makes rows of 'other' (did you mean 'note'?)",
            "seeds/shops.yaml:2: corner.staff is 'many', not a whole number",
            "seeds/shops.yaml:3: corner has an unknown column 'nmae' (did you mean 'name'?)",
            "seeds/towns.yaml:2: bonn.name is ['5'], not text",
            "seeds/towns.yaml:3: 'bonn' stands in line 1 already",
        ]


class TestColumnsOfATableByName:
    """A factory without a model: what its columns take is known where the project's metadata describes the table."""

    TOWNS = factory_of("TownsFactory", name="x", founded=None)
    TABLES = MetaData()
    Table("towns", TABLES, Column("name", String), Column("founded", Date), Column("size", Integer))

    def test_what_the_metadata_says_is_checked(self, write: Write) -> None:
        """As with a model; without metadata, the database has the say."""
        folder = write(towns__yaml="bonn:\n  founded: once\n")
        read_seeds(folder, [self.TOWNS])
        with pytest.raises(InvalidInput, match="founded is 'once', not a date"):
            read_seeds(folder, [self.TOWNS], self.TABLES)

    def test_an_editor_is_told(self, write: Write) -> None:
        """Instead of nothing."""
        project = Folder({}, [self.TOWNS], self.TABLES)
        schema = json_schema(project)["towns"]  # type: ignore[arg-type]
        assert "as_of" in str(schema["additionalProperties"]["properties"]["founded"])

    def test_a_column_that_no_factory_declares_is_to_be_declared(self, write: Write) -> None:
        """Also one that the table has."""
        with pytest.raises(InvalidInput) as error:
            read_seeds(write(towns__yaml="bonn:\n  size: 3\n"), [self.TOWNS], self.TABLES)
        (finding,) = error.value.findings
        assert finding.problem == "bonn has a column 'size' that no factory of towns declares"
        assert finding.remedy == "declare it there, such as size = None; declared: founded, name"


class TestRelativeTimes:
    """`as_of - 2h30m`."""

    @given(
        st.sampled_from("+-"),
        st.lists(st.tuples(st.integers(0, 999), st.sampled_from("wdhms")), min_size=1, max_size=4),
        st.sampled_from(["", " "]),
    )
    def test_units_add_up(self, sign: str, parts: list[tuple[int, str]], space: str) -> None:
        """Weeks, days, hours, minutes, seconds, in any order."""
        seconds = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
        expected = timedelta(seconds=sum(n * seconds[unit] for n, unit in parts))
        text = f"as_of{space}{sign}{space}" + space.join(f"{n}{unit}" for n, unit in parts)
        assert relative_time(text) == AsOf(expected if sign == "+" else -expected)

    def test_the_moment_itself(self) -> None:
        """Without anything added."""
        assert relative_time("as_of") == AsOf(timedelta(0))

    @pytest.mark.parametrize(
        "text",
        ["as_of -", "as_of 2h", "as_of - 2", "as_of - h", "now", "as_of - 1.5h", "as_off", ""],
    )
    def test_any_other_text_is_none(self, text: str) -> None:
        """It is said where the column wants a time."""
        assert relative_time(text) is None


class Plain(yaml.SafeLoader):
    """YAML as an editor's JSON Schema sees it: times are texts, and only true and false are booleans."""

    yaml_implicit_resolvers = {
        first: [
            (tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":bool"))
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), "tf")


@dataclass
class Folder:
    """A project as far as JSON Schemas are concerned."""

    seeds: dict[str, dict[str, Seed]]
    factories: list[type[Factory[Any]]]
    described: MetaData | None = None


def schemas_of(folder: Path) -> dict[str, dict[str, Any]]:
    return json_schema(Folder(read_seeds(folder, FACTORIES), FACTORIES))  # type: ignore[arg-type]


class TestJsonSchema:
    """What an editor completes and checks with."""

    @pytest.fixture
    def schema(self, write: Write) -> dict[str, Any]:
        return schemas_of(write(towns__yaml="bonn: {name: Bonn}\n"))["shops"]

    def test_each_tables_schema_is_a_schema(self, write: Write) -> None:
        """Draft 2020-12, one a table, with the labels that there are."""
        schemas = schemas_of(write(towns__yaml="bonn: {}\n"))
        assert list(schemas) == ["towns", "shops", "note"]
        for schema in schemas.values():
            jsonschema.Draft202012Validator.check_schema(schema)
        row = schemas["shops"]["additionalProperties"]["properties"]
        assert row["town"]["enum"] == ["bonn", None]
        assert row["kind"]["enum"] == ["bakery", "butcher"]
        assert row["size"]["enum"] == ["small", "big", None]
        assert row["floors"]["enum"] == [1, 2, None]

    @pytest.mark.parametrize(
        "text", [GOOD.replace("yes", "true"), "", "a:\n", "a: {rent: ~, opened_at: as_of}\n"]
    )
    def test_a_good_file_is_valid(self, schema: dict[str, Any], text: str) -> None:
        """What read_seeds takes."""
        checked = jsonschema.Draft202012Validator(schema)
        assert list(checked.iter_errors(yaml.load(text, Plain))) == []

    @pytest.mark.parametrize("line", [line for line in BAD if line not in BEYOND_SCHEMA])
    def test_a_bad_line_is_not(self, schema: dict[str, Any], line: str) -> None:
        """What read_seeds refuses (and what JSON Schema can tell: 1.0 is a whole number to it, and every date looks like one)."""
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.load(f"a:\n  {line}\n", Plain), schema)
