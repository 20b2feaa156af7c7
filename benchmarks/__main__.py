"""`python -m benchmarks [name ...] [--json FILE] [--quick]`: print a table, write the numbers as JSON."""

from __future__ import annotations

import argparse
import inspect
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.report import Row, machine, table

NAMES = ("calls", "quota", "memory", "imports")


def main() -> None:
    """Run the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the numbers go")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller jobs")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    about = machine()
    for name, value in about.items():
        print(f"{name + ':':<11}{_told(value)}")
    results: dict[str, Any] = {}
    missed: list[str] = []
    for name in options.names or NAMES:
        module = import_module(f"benchmarks.bench_{name}")
        print(f"\n{'=' * 100}\n{name}: {inspect.getdoc(module)}", flush=True)
        rows: list[Row] = module.run(quick=options.quick)
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


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return str(value)


if __name__ == "__main__":
    main()
