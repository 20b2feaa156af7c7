"""What the brand knows of a customer (CCPA), as jobs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import GET, POST
from qualtrics_async.errors import JobFailed
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.customer_data_requests import CustomerDataRequestProgress
from qualtrics_async.resources._base import filled
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["CustomerDataRequests"]


class CustomerDataRequests(ExportJobs):
    """What the brand knows of a customer (CCPA), as jobs.

    The steps are documented, the bodies are not: no public source shows any.
    """

    __slots__ = ()

    async def start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start a request; it is never sent twice by itself.

        `request` is the body as the vendor's documentation has it; it is by e-mail address (one integrator).
        The answer is assumed to be an object with the request's id.

        Raises:
            UsageError: for an empty request, which names nobody.
        """
        body = filled(request, "request")
        return await self._send(POST("/customer-data-requests"), JsonObject, body=body)

    async def progress(self, customer_data_request_id: str) -> CustomerDataRequestProgress:
        """How far a request is; the shape is assumed."""
        route = GET("/customer-data-requests/{customerDataRequestId}", customer_data_request_id)
        return await self._send(route, CustomerDataRequestProgress)

    def file(self, customer_data_request_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of a request. That the answer is the file itself is assumed."""
        return self._download(
            GET(
                "/customer-data-requests/{customerDataRequestId}/files/{fileId}",
                customer_data_request_id,
                file_id,
            )
        )

    @asynccontextmanager
    async def run(self, request: Mapping[str, Any]) -> AsyncGenerator[Download]:
        """Start a request, wait for its end and open its file; assumed where `start` and `progress` are.

        Raises:
            JobFailed: when it failed, or named no id or no file.
        """
        started = await self.start(request)
        job_id = started.get("id") or started.get("customerDataRequestId")
        if not isinstance(job_id, str):
            raise JobFailed("the answer to a customer data request names no id", detail=started)
        file_id = await self._exported(job_id, partial(self.progress, job_id))
        async with self.file(job_id, file_id) as file:
            yield file
