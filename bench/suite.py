#!/usr/bin/env python3
"""Runs our function and the specification's handler through bench.py, interleaved: what `cargo xtask bench` starts.

    suite.py --bootstrap PATH [--runs N] [--count N]

Run it with a python3 that has bench/requirements.txt. Every run starts each function once, so a noisy minute
hits them all alike. Prints one JSON object: medians, and each number's lowest and highest in `range`.
"""
import argparse
import io
import json
import os
import platform
import statistics
import sys
import zipfile
from pathlib import Path

from bench import HERE, Failed, rounded, run_once

HANDLER = [sys.executable, "-m", "awslambdaric", "spec_handler.handler"]


def functions(bootstrap: str) -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, command and environment of each; the first is what the others are compared with."""
    return [
        ("specification's handler", HANDLER, {"CLIENTS": "eager"}),
        ("the same, clients at first use", HANDLER, {"CLIENTS": "lazy"}),
        ("ours, default", [bootstrap], {}),
        ("ours, TAGGER_EXISTING=overwrite", [bootstrap], {"TAGGER_EXISTING": "overwrite"}),
    ]


def zipped(path: str) -> int:
    """The size of a Lambda package that holds only this file."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(path, "bootstrap")
    return len(package.getvalue())


def summary(runs: list[dict]) -> dict:
    """Medians of the runs. Errors are added up: one is one too many."""
    result, spread = dict(runs[-1]), {}
    for key, value in runs[-1].items():
        values = [run[key] for run in runs]
        if isinstance(value, (int, float)):
            result[key], spread[key] = statistics.median(values), [min(values), max(values)]
    result["errors"] = sum(run["errors"] for run in runs)
    result["first_error"] = next((run["first_error"] for run in runs if run["first_error"]), None)
    return result | {"range": spread}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True, help="our release build")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=400, help="events in each run")
    args = parser.parse_args()
    bootstrap = str(Path(args.bootstrap).resolve())
    todo = functions(bootstrap)
    runs: dict[str, list[dict]] = {name: [] for name, _, _ in todo}
    load_before = os.getloadavg()[0]
    try:
        for number in range(args.runs + 1):
            for name, command, env in todo:
                # Run 0 is not measured: it fills the page cache and writes Python's bytecode.
                events = args.count if number else 24
                result = run_once(command, count=events, cwd=HERE / "candidates", env=env)
                if number:
                    runs[name].append(result)
            if number:
                print(f"run {number} of {args.runs}", file=sys.stderr)
    except Failed as error:
        sys.exit(str(error))
    print(json.dumps(rounded({
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "runs": args.runs,
        "load": [load_before, os.getloadavg()[0]],
        "binary_bytes": Path(bootstrap).stat().st_size,
        "zip_bytes": zipped(bootstrap),
        "functions": [{"name": name} | summary(results) for name, results in runs.items()],
    })))


if __name__ == "__main__":
    main()
