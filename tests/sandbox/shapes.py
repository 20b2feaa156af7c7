"""What of a body of the sandbox has to be as in the sample: two statements of the wire format agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "samples"

OPTIONAL = {
    "phone",
    "contactCount",
    "embeddedData",
    "invalidEmails",
    "subject",
    "messageText",
    "subjectMessage",
}
"""Keys that the facts call optional, wherever they are."""

OPEN = {"embeddedData", "privateEmbeddedData", "stats", "count", "bounceInfo"} | {
    *("Questions", "Blocks", "ResponseSets", "SurveyFlow", "SurveyOptions", "Scoring", "ProjectInfo")
}
"""Objects whose keys are data or depend on the record."""


def sample(name: str) -> Any:
    """The body of a sample."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def keys(value: Any, path: str = "") -> set[str]:
    """The paths of all keys, the items of a list merged, without what is optional."""
    if isinstance(value, list):
        return {found for item in value for found in keys(item, path + "[]")}
    if not isinstance(value, dict):
        return set()
    here = {key: f"{path}.{key}" for key in value if key not in OPTIONAL}
    inner = {found for key in here if key not in OPEN for found in keys(value[key], here[key])}
    return inner | set(here.values())


def closed(value: Any, *data: str) -> set[str]:
    """The paths of all keys but those below a key of these names, which are data."""
    return {path for path in keys(value) if not {*data} & {*path.replace("[]", "").split(".")[:-1]}}
