"""Distributions by SMS."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["SmsDistributions"]


class SmsDistributions(Resource):
    """Distributions by SMS."""

    __slots__ = ()
