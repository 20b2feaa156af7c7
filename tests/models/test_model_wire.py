"""Properties that every result model has, checked on the samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import fields
from reading import body, read, rows

from qualtrics_async import models
from qualtrics_async.models._base import Model, convert_wire
from qualtrics_async.models.contact_imports import ImportReportPage

AREAS = sorted(path.stem for path in Path(__file__).parent.glob("sampled_*.py"))
SAMPLED: dict[type[Model], tuple[str, ...]] = {}
"""Models that are results or elements, with the samples that have them."""
NESTED: set[type[Model]] = set()
"""Models that are only inside of others."""
for _area in map(import_module, AREAS):
    SAMPLED |= _area.SAMPLED
    NESTED |= _area.NESTED
WHOLE: set[type[Model]] = {
    models.AutomationFileCreated,
    models.AutomationFileWarning,
    models.FinishedContactImport,
    models.ImportedDataRecordsAdded,
}
"""Models that are made of a whole body, or of two: tests of their own have them."""
MIRRORED = {"id", "mailingListId"}

each_model = pytest.mark.parametrize("kind", SAMPLED, ids=lambda kind: kind.__name__)


def samples(kind: type[Model]) -> list[dict[str, Any]]:
    """Every object of this kind in the samples."""
    return [row for name in SAMPLED[kind] for row in rows(name)]


def nested(kind: Any, value: Any) -> Iterator[tuple[type[Model], dict[str, Any]]]:
    """The objects in a value whose type is a model, or has one in it: optional, in a list, in a mapping."""
    if isinstance(kind, type) and issubclass(kind, Model):
        if isinstance(value, dict):
            yield from pairs(kind, value)
        return
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        *_, kind = get_args(kind)
        value = list(value.values()) if isinstance(value, dict) else value
        yield from (found for item in value or () for found in nested(kind, item))
        return
    for part in get_args(kind):
        for item in value if isinstance(value, list) else [value]:
            yield from nested(part, item)


def pairs(kind: type[Model], wire: dict[str, Any]) -> Iterator[tuple[type[Model], dict[str, Any]]]:
    """An object with its model, and those nested in it."""
    yield kind, wire
    for field in fields(kind):
        yield from nested(field.type, wire.get(field.encode_name))


def everything() -> Iterator[tuple[type[Model], dict[str, Any]]]:
    """Every object of the samples with its model."""
    for kind in SAMPLED:
        for row in samples(kind):
            yield from pairs(kind, row)
    for name in ("import_report_page1", "import_report_page2"):
        for entry in body(name)["results"]["importReportEntries"]:
            yield models.ImportReportEntry, entry


def test_every_result_model_is_sampled() -> None:
    """No result model is exported that these tests do not know."""
    exported = {getattr(models, name) for name in models.__all__}
    results = {kind for kind in exported if issubclass(kind, Model)}
    assert set(SAMPLED) | NESTED == results
    assert {kind for kind, _ in everything()} >= NESTED - WHOLE


def test_models_are_inert_and_named() -> None:
    """No result can be changed, and no field of any model is given by its place."""
    kinds = [kind for kind in (getattr(models, name) for name in models.__all__) if issubclass(kind, Struct)]
    thawed = {kind for kind in kinds if issubclass(kind, Model) and not kind.__struct_config__.frozen}
    placed = {
        kind
        for kind in kinds
        for parameter in signature(kind).parameters.values()
        if parameter.kind is not Parameter.KEYWORD_ONLY
    }
    assert (thawed, placed) == (set(), set())


def test_no_sample_field_is_unread() -> None:
    """Each key of each sample is the wire name of a field: nothing that sources show is dropped."""
    unread = {
        (kind.__name__, key)
        for kind, wire in everything()
        for key in wire.keys() - {field.encode_name for field in fields(kind)}
    }
    assert unread == set()


def test_each_field_is_filled_by_a_sample() -> None:
    """Each wire name is met by a value at least once, so a misspelt one cannot hide behind its default."""
    met: dict[type[Model], set[str]] = {}
    for kind, wire in everything():
        met.setdefault(kind, set()).update(key for key, value in wire.items() if value is not None)
    missed = {
        (kind.__name__, field.encode_name)
        for kind in met
        for field in fields(kind)
        if field.encode_name not in met[kind]
    }
    assert missed == set()


@each_model
def test_values_arrive(kind: type[Model]) -> None:
    """A value of the sample that is not null becomes an attribute that is not None."""
    for row in samples(kind):
        model = read(kind, row)
        lost = [
            field.name
            for field in fields(kind)
            if row.get(field.encode_name) is not None and getattr(model, field.name) is None
        ]
        assert lost == []


@each_model
def test_a_round_trip_loses_nothing(kind: type[Model]) -> None:
    """What was decoded, encoded and decoded again is equal, and has every key that had a value."""
    for row in samples(kind):
        model = read(kind, row)
        written = json.loads(msgspec.json.encode(model))
        assert read(kind, written) == model
        assert {key for key, value in row.items() if value is not None} <= written.keys()


@each_model
def test_optional_fields_may_be_absent_or_null(kind: type[Model]) -> None:
    """Each optional field has its default where the key is missing, and is None where it is null."""
    row = max(samples(kind), key=len)
    for field in fields(kind):
        if field.required or field.encode_name in MIRRORED:
            continue
        absent = {key: value for key, value in row.items() if key != field.encode_name}
        assert getattr(read(kind, absent), field.name) is None
        assert getattr(read(kind, {**row, field.encode_name: None}), field.name) is None


@each_model
def test_unknown_fields_are_ignored(kind: type[Model]) -> None:
    """The vendor may add fields at any time."""
    row = samples(kind)[0]
    assert read(kind, {**row, "addedTomorrow": [{}]}) == read(kind, row)


def test_results_cannot_be_changed() -> None:
    """Results are values: frozen, and without positional arguments."""
    created = models.Created(id="x")
    with pytest.raises(AttributeError):
        created.id = "y"  # type: ignore[misc]  # the point
    with pytest.raises(TypeError):
        models.DistributionLink("CID_1", "https://example.com")  # type: ignore[call-arg]  # the point


def test_report_pages_need_results() -> None:
    """A report without `results` is no empty report, so that an error in a 200 is not taken for one."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"meta": {}}', type=ImportReportPage, dec_hook=convert_wire)


def test_all_names_are_sorted_and_there() -> None:
    """`__all__` is sorted and complete."""
    assert models.__all__ == sorted(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)


def test_unknown_names_are_ordinary_errors() -> None:
    """Models are imported when they are asked for; what is no model is missing as from any module."""
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = models.Nonsense  # type: ignore[attr-defined]  # the point
