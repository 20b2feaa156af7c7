"""Workflows; nothing makes them but `state.shelf("workflow").put(id, record={...})`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.routing import Routes

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


@routes("GET", "/workflow-summaries", "assumed", per_minute=120)
def list_workflows(call: Call) -> Body:
    """Assumed: pages of what was put there."""
    return call.page(list(call.state.shelf("workflow")), dict)


@routes("PUT", "/workspaces/{workspaceId}/workflows/{workflowId}", "assumed", per_minute=120)
def transfer_workflow(call: Call) -> Body:
    """Assumed: the workspace becomes that in the path, and a body is kept with the workflow."""
    workspace_id, workflow_id = call.ids
    workflow = call.state.shelf("workflow").find(workflow_id)
    workflow.update(call.json() if call.payload else {})
    workflow["workspaceId"] = workspace_id
    return {}
