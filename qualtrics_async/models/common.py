"""What several groups answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from qualtrics_async.models._base import Model

__all__ = ["AnyCreated", "Created"]


class Created(Model, frozen=True, kw_only=True):
    """The id of what was just created."""

    id: str


def _created(value: object) -> Created:
    if isinstance(value, dict):
        for key in ("id", "distributionId"):
            if isinstance(value.get(key), str):
                return Created(id=value[key])
        if "result" in value:
            return _created(value["result"])
    raise ValueError("expected the id of what was created")


if TYPE_CHECKING:
    AnyCreated: TypeAlias = Created
else:
    from qualtrics_async.models._base import _Lenient

    class AnyCreated(metaclass=_Lenient):
        """A `Created`, from `id`, `distributionId` (reminders) or a second `result` (the specifications)."""

        result = Created
        convert = staticmethod(_created)
