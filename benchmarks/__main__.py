"""`python -m benchmarks [name ...] [--json FILE] [--quick]`: print a table, write the numbers as JSON.

The exit status is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import inspect
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.report import Row, machine, table

DEFAULT = ("calls", "quota", "memory", "exports", "imports", "webhooks")
NAMES = (*DEFAULT, "crash")


def main() -> None:
    """Run the benchmarks that were named, or those that run by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    named = f"one of {', '.join(NAMES)}; by default all but crash, which takes minutes"
    parser.add_argument("names", nargs="*", metavar="name", help=named)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the numbers go")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller jobs")
    parser.add_argument("--seed", type=int, help="the one run of `crash` to repeat")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if options.seed is not None and options.names != ["crash"]:
        parser.error("--seed goes with crash, alone")
    seeded = {} if options.seed is None else {"seed": options.seed}
    about = machine()
    for name, value in about.items():
        print(f"{name + ':':<11}{_told(value)}")
    results: dict[str, Any] = {}
    missed: list[str] = []
    for name in options.names or DEFAULT:
        module = import_module(f"benchmarks.bench_{name}")
        print(f"\n{'=' * 100}\n{name}: {inspect.getdoc(module)}", flush=True)
        rows: list[Row] = module.run(quick=options.quick, **seeded)
        print(table(rows), flush=True)
        results[name] = {"about": inspect.getdoc(module), "rows": [row.as_json() for row in rows]}
        missed += [f"{name}: {row.group}: {row.name}" for row in rows if row.met is False]
    print(f"\n{'=' * 100}")
    print("\n".join(("goals missed:", *missed)) if missed else "every goal is met")
    if options.json:
        whole = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "quick": options.quick,
            "machine": about,
            "results": results,
        }
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    if missed:
        raise SystemExit(1)


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return str(value)


if __name__ == "__main__":
    main()
