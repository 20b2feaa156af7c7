"""One module per group of operations; each handler says where the shape of its answer comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers import (
    audits,
    automations,
    client_certificates,
    contact_exports,
    contacts,
    customer_data_requests,
    datasets,
    directories,
    distributions,
    divisions,
    erasure_requests,
    event_subscriptions,
    frequency_rules,
    groups,
    imported_data_projects,
    imports,
    legacy_responses,
    libraries,
    mailing_list_contacts,
    mailing_lists,
    oauth,
    organizations,
    participants,
    research_core,
    response_exports,
    response_imports,
    response_jobs,
    responses,
    sample_definitions,
    samples,
    segments,
    sessions,
    sms_distributions,
    survey_definitions,
    survey_flow,
    survey_questions,
    survey_quotas,
    surveys,
    tickets,
    transaction_batches,
    transactions,
    users,
    whatsapp_distributions,
    workflows,
)

if TYPE_CHECKING:
    from qualtrics_async.sandbox.routing import Operation

__all__ = ["OPERATIONS", "check_route"]

OPERATIONS: tuple[Operation, ...] = (
    *audits.routes,
    *automations.routes,
    *client_certificates.routes,
    *contact_exports.routes,
    *contacts.routes,
    *customer_data_requests.routes,
    *datasets.routes,
    *directories.routes,
    *distributions.routes,
    *divisions.routes,
    *erasure_requests.routes,
    *event_subscriptions.routes,
    *frequency_rules.routes,
    *groups.routes,
    *imported_data_projects.routes,
    *imports.routes,
    *legacy_responses.routes,
    *libraries.routes,
    *mailing_list_contacts.routes,
    *mailing_lists.routes,
    *oauth.routes,
    *organizations.routes,
    *participants.routes,
    *research_core.routes,
    *response_exports.routes,
    *response_imports.routes,
    *response_jobs.routes,
    *responses.routes,
    *sample_definitions.routes,
    *samples.routes,
    *segments.routes,
    *sessions.routes,
    *sms_distributions.routes,
    *survey_definitions.routes,
    *survey_flow.routes,
    *survey_questions.routes,
    *survey_quotas.routes,
    *surveys.routes,
    *tickets.routes,
    *transaction_batches.routes,
    *transactions.routes,
    *users.routes,
    *whatsapp_distributions.routes,
    *workflows.routes,
)
"""Every operation that the sandbox implements."""

_EXACT = {operation.route for operation in OPERATIONS}
_PATTERNS = (
    _EXACT
    | {"*"}
    | {operation.template for operation in OPERATIONS}
    | {f"{operation.method} *" for operation in OPERATIONS}
)


def check_route(route: str, *, exact: bool) -> None:
    """Refuse a route that no request can have: a typing error would never match."""
    if route not in (_EXACT if exact else _PATTERNS):
        raise ValueError(f"no such route: {route!r}; give it as in 'GET /surveys/{{surveyId}}'")
