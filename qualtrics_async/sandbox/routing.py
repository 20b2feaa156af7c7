"""Operations of the sandbox and how a request finds its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from qualtrics_async.sandbox.kept_files import Streamed
    from qualtrics_async.sandbox.wire import Call, File

    Outcome: TypeAlias = dict[str, Any] | File | Streamed
    Handler = Callable[[Call], Outcome | Awaitable[Outcome]]

__all__ = ["Confidence", "Operation", "Router", "Routes"]

Confidence = Literal["documented", "observed", "assumed"]

API_ROOT = ("API", "v3")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method and path template, with its handler."""

    method: str
    template: str
    confidence: Confidence
    handler: Handler
    bare: bool = False
    """Without credentials, quotas and envelope."""
    base: str | None = None
    """What stands before the template where it is not the API root."""
    per_minute: int | None = None
    """The published limit where it is below the brand's own."""

    @property
    def route(self) -> str:
        """Method and template, as quotas and faults name it."""
        return f"{self.method} {self.template}"


class Routes:
    """The operations of one group, collected by a decorator."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations)

    def __call__(
        self,
        method: str,
        template: str,
        confidence: Confidence,
        *,
        bare: bool = False,
        base: str | None = None,
        per_minute: int | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler; `confidence` says where the shape of its answer comes from."""

        def register(handler: Handler) -> Handler:
            made = Operation(method, template, confidence, handler, bare, base, per_minute)
            self._operations.append(made)
            return handler

        return register


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    placeholder: _Node | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Router:
    """A tree of path segments; empty segments do not count, literal ones win over placeholders."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._roots = (_Node(), _Node())
        for operation in operations:
            self._add(operation)

    def match(self, method: str, raw_path: str) -> tuple[Operation, tuple[str, ...]] | None:
        """The operation and the ids in its path, outermost first."""
        segments = [unquote(segment) for segment in raw_path.split("/") if segment]
        in_api = tuple(segments[:2]) == API_ROOT
        return _find(self._roots[in_api], segments[2:] if in_api else segments, method, ())

    def _add(self, operation: Operation) -> None:
        path = (operation.base or "") + operation.template
        segments = [segment for segment in path.split("/") if segment]
        node = self._roots[operation.base is None]
        for segment in segments:
            if segment.startswith("{"):
                if node.placeholder is None:
                    node.placeholder = _Node()
                node = node.placeholder
            else:
                node = node.literals.setdefault(segment, _Node())
        node.operations.setdefault(operation.method, operation)


def _find(
    node: _Node, segments: list[str], method: str, ids: tuple[str, ...]
) -> tuple[Operation, tuple[str, ...]] | None:
    if not segments:
        operation = node.operations.get(method)
        return None if operation is None else (operation, ids)
    head, *rest = segments
    literal = node.literals.get(head)
    if literal is not None and (found := _find(literal, rest, method, ids)):
        return found
    if node.placeholder is None:
        return None
    return _find(node.placeholder, rest, method, (*ids, head))
