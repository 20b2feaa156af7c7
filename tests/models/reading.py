"""Samples, read as the client reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from qualtrics_async.models._base import convert_wire
from qualtrics_async.models.responses import AnyResponse, Response

T = TypeVar("T")

SAMPLES = Path(__file__).parents[1] / "samples"


def body(name: str) -> Any:
    """The whole body of a sample as plain JSON."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def rows(name: str) -> list[dict[str, Any]]:
    """The objects that a sample is about: its elements, its result, or all but `meta`."""
    whole = body(name)
    result = whole["result"] if "result" in whole else {key: whole[key] for key in whole if key != "meta"}
    listed = next((result[key] for key in ("elements", "participants") if key in result), None)
    return [result] if listed is None else list(listed)


def read(kind: type[T], value: object) -> T:
    """Decode one value in the way of every decoder."""
    wire: Any = AnyResponse if kind is Response else kind  # what the operation itself asks for
    found: T = msgspec.json.decode(msgspec.json.encode(value), type=wire, dec_hook=convert_wire)
    return found
