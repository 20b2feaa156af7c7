"""Client certificates, for mutual TLS."""

from __future__ import annotations

from qualtrics_async.models._base import Model

__all__ = ["ClientCertificateCreated"]


class ClientCertificateCreated(Model, frozen=True, kw_only=True):
    """A certificate as it was issued, in PEM form (documented); it is valid for one year."""

    id: str
    certificate: str | None = None
