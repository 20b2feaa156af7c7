"""What the brand knows of a customer (CCPA), as jobs."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["CustomerDataRequests"]


class CustomerDataRequests(Resource):
    """What the brand knows of a customer (CCPA), as jobs."""

    __slots__ = ()
