"""Client certificates of an organization, for mutual TLS."""

from __future__ import annotations

from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.client_certificates import ClientCertificateCreated
from qualtrics_async.resources._base import Resource, named

__all__ = ["ClientCertificates"]


class ClientCertificates(Resource):
    """Client certificates of an organization, for brand administrators.

    At most ten at a time, and those that have expired count until they are deleted (documented). Once the
    brand demands certificates, every call of every program needs one.
    """

    __slots__ = ()

    def list(self, organization_id: str) -> Paged[dict[str, Any]]:
        """Every certificate of an organization, as JSON (assumed: pages of objects)."""
        return self._paged(
            GET("/organizations/{organizationId}/clientcertificates", organization_id), JsonObject
        )

    async def create(self, organization_id: str, *, certificate_request: str) -> ClientCertificateCreated:
        """Have a certificate issued for a signing request in PEM form, without line breaks in its middle.

        A request that cannot be read is answered with a 500 (documented), which leaves it in doubt here.
        """
        body = {"certificateRequest": named(certificate_request, "certificate_request")}
        route = POST("/organizations/{organizationId}/clientcertificates", organization_id)
        return await self._send(route, ClientCertificateCreated, body=body)

    async def get(self, organization_id: str, certificate_id: str) -> dict[str, Any]:
        """One certificate as JSON, whose keys no source shows (assumed: an object)."""
        route = GET(
            "/organizations/{organizationId}/clientcertificates/{certificateId}",
            organization_id,
            certificate_id,
        )
        return await self._send(route, JsonObject)

    async def delete(self, organization_id: str, certificate_id: str) -> None:
        """Revoke a certificate; what presents it is refused from then on."""
        route = DELETE(
            "/organizations/{organizationId}/clientcertificates/{certificateId}",
            organization_id,
            certificate_id,
        )
        return await self._send(route, None)
