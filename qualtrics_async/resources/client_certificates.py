"""Client certificates of an organization, for mutual TLS."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ClientCertificates"]


class ClientCertificates(Resource):
    """Client certificates of an organization, for mutual TLS."""

    __slots__ = ()
