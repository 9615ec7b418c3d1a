"""A schema as a value: equal schemas have one text and one fingerprint."""

import hashlib

import pytest

from app.domain.schema import EMPTY, Fact, SchemaObject, Snapshot

TABLE = SchemaObject("table", "shop.orders", {"owner": "ann", "grants": {"bob": ["SELECT"]}})


def column(name: str, position: int, **facts: Fact) -> SchemaObject:
    return SchemaObject("column", f"shop.orders.{name}", {"of": "shop.orders", "position": position, **facts})


def test_the_text_is_sorted_and_without_white_space() -> None:
    snapshot = Snapshot.of([TABLE, column("b", 2, type="text"), column("a", 1, type="integer")])
    assert snapshot.canonical == (
        '{"column":{"shop.orders.a":{"of":"shop.orders","position":1,"type":"integer"},'
        '"shop.orders.b":{"of":"shop.orders","position":2,"type":"text"}},'
        '"table":{"shop.orders":{"grants":{"bob":["SELECT"]},"owner":"ann"}}}'
    )


def test_the_fingerprint_is_the_sha_256_of_the_text_without_soft_facts() -> None:
    snapshot = Snapshot.of([column("a", 7, type="integer")])
    text = '{"column":{"shop.orders.a":{"of":"shop.orders","type":"integer"}}}'
    assert snapshot.fingerprint == hashlib.sha256(text.encode()).hexdigest()


def test_the_text_reads_back() -> None:
    snapshot = Snapshot.of([TABLE, column("ä", 1, default="'ü\"'", not_null=True)])
    assert Snapshot.parse(snapshot.canonical) == snapshot
    assert Snapshot.parse("{}") == EMPTY


@pytest.mark.parametrize("text", ["[]", '{"table":[]}', '{"table":{"a":1}}', "no JSON"])
def test_a_text_that_is_no_snapshot_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Snapshot.parse(text)


def test_the_order_of_columns_and_of_objects_makes_no_other_fingerprint() -> None:
    one = Snapshot.of([TABLE, column("a", 1), column("b", 2)])
    other = Snapshot.of([column("b", 1), column("a", 2), TABLE])
    assert one.fingerprint == other.fingerprint
    assert one.canonical != other.canonical


def test_owners_and_grants_make_another_fingerprint_but_not_between_databases() -> None:
    other = SchemaObject("table", "shop.orders", {"owner": "carol"})
    one, found = Snapshot.of([TABLE]), Snapshot.of([other])
    assert one.fingerprint != found.fingerprint
    assert one.comparable().fingerprint == found.comparable().fingerprint


def test_between_databases_versions_of_collations_and_rows_for_not_null_are_left_out() -> None:
    collations = [SchemaObject("collation", "a", {"locale": "de", "version": version}) for version in ("1", "2")]
    row = SchemaObject("not null constraint", "shop.orders.n", {"of": "shop.orders", "definition": "NOT NULL a"})
    one, other = Snapshot.of([collations[0], row]), Snapshot.of([collations[1]])
    assert one.comparable().fingerprint == other.comparable().fingerprint
    extension = [Snapshot.of([SchemaObject("extension", "a", {"version": version})]) for version in ("1", "2")]
    assert extension[0].comparable().fingerprint != extension[1].comparable().fingerprint


@pytest.mark.parametrize(
    ("identity", "of", "name"),
    [
        ("shop.orders.note", "shop.orders", "note"),
        ('"a.b"."c.d"."e.f"', '"a.b"."c.d"', '"e.f"'),
        ("shop.i", "shop.t", "shop.i"),
    ],
)
def test_the_name_of_a_part_is_what_follows_its_owner(identity: str, of: str, name: str) -> None:
    assert SchemaObject("column", identity, {"of": of}).name == name


def test_a_fact_that_is_no_text_is_not_taken_for_one() -> None:
    with pytest.raises(TypeError, match="start of sequence s"):
        SchemaObject("sequence", "s", {"start": 1}).text("start")
