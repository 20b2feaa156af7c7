"""Distributions by WhatsApp."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["WhatsappDistributions"]


class WhatsappDistributions(Resource):
    """Distributions by WhatsApp."""

    __slots__ = ()
