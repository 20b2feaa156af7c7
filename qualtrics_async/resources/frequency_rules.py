"""How often a contact of a directory may be asked."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["FrequencyRules"]


class FrequencyRules(Resource):
    """How often a contact of a directory may be asked."""

    __slots__ = ()
