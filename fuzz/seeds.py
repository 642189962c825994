#!/usr/bin/env python3
"""Writes seeds/<target>/ from ../catalog/samples, for a fuzzer to begin with; nothing of it is committed.

    python fuzz/seeds.py
"""
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent / "catalog" / "samples"


def batch(body: str, queue: str) -> dict:
    """A batch of one message, as Lambda hands it over."""
    return {"Records": [{
        "messageId": "m-1", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:111122223333:{queue}",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795509000000"}}]}


def main() -> None:
    for target in ("records", "plan", "input", "answers"):
        (HERE / "seeds" / target).mkdir(parents=True, exist_ok=True)
    number = 0
    for file in sorted(SAMPLES.glob("*/*.json")):
        if file.name.endswith(".plan.json"):
            continue
        number += 1
        record = json.loads(file.read_text())["record"]
        name = f"{file.parent.name}-{file.name}"
        event = {"detail-type": "AWS API Call via CloudTrail", "account": "111122223333", "region": "eu-west-1", "detail": record}
        work = {"tagger": "work", "record": record, "firstSeen": 1795509000, "tries": 1}
        for target, value in (
                ("records", {"Records": [record, record]} if number % 2 else record), ("plan", record),
                ("input", [event, batch(json.dumps(event), "events"), batch(json.dumps(work), "retry")][number % 3])):
            (HERE / "seeds" / target / name).write_text(json.dumps(value))
    # The other targets draw from bytes; a few of every value begin them.
    for target in ("plan", "input", "answers"):
        for start in range(64):
            drawn = bytes((start * 37 + step * (2 * start + 1)) % 256 for step in range(200))
            (HERE / "seeds" / target / f"drawn-{start:02}").write_bytes(drawn)
    print(f"{number} samples")


if __name__ == "__main__":
    main()
