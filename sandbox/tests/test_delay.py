"""Records that come late and in any order: `cloud.py --delay`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import unittest

from support import ACCOUNT, REGION, SANDBOX, Cloud, wait

import people

DELAY = 2.0
NAMES = [f"queue-{number:02}" for number in range(30)]


class Delay(unittest.TestCase):
    def test_records_are_late_shuffled_and_complete(self) -> None:
        cloud = Cloud("--delay", str(DELAY))
        self.addCleanup(cloud.stop)
        root = people.Cloud(cloud.endpoint, REGION, ACCOUNT, "test")
        sqs, trail = root.client("sqs"), root.client("cloudtrail")
        began = time.time()
        for name in NAMES:
            sqs.create_queue(QueueName=name)
        made = time.time()
        self.assertGreater(cloud.status()["pending"], 0, "every record was there at once")
        wait(lambda: cloud.status()["pending"] == 0, DELAY + 10, "every record")
        seconds = time.time() - made
        records = [record for record in cloud.records() if record["eventName"] == "CreateQueue"]
        names = [record["requestParameters"]["queueName"] for record in records]
        self.assertEqual(sorted(names), NAMES)
        self.assertNotEqual(names, NAMES, "they came in the order of the calls")
        self.assertLess(seconds, DELAY + 5)
        # They say when the call was, not when they came; and the history has them as late.
        latest = max(time.mktime(time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone for record in records)
        self.assertLessEqual(latest, made + 1)
        self.assertGreaterEqual(latest, began - 1)
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}])["Events"]
        self.assertEqual({json.loads(event["CloudTrailEvent"])["eventID"] for event in found}, {record["eventID"] for record in records})

    def test_what_is_late_is_written_at_the_end(self) -> None:
        cloud = Cloud("--delay", "600")
        self.addCleanup(cloud.stop)
        people.Cloud(cloud.endpoint, REGION, ACCOUNT, "test").client("sqs").create_queue(QueueName="late")
        cloud.process.terminate()
        cloud.process.wait(20)
        with open(f"{cloud.state}/records.jsonl", encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["eventName"] for line in file], ["CreateQueue"])

    def test_a_delay_that_is_none(self) -> None:
        for value in ("-1", "nan", "5000"):
            done = subprocess.run([sys.executable, f"{SANDBOX}/cloud.py", "--port", "1", "--state", "/nowhere", "--delay", value],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--delay must be from 0 to 3600 seconds", done.stderr)


if __name__ == "__main__":
    unittest.main()
