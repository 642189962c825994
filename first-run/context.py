"""What every step is given: the account, what was done already, where rows go, and how long to wait."""

from __future__ import annotations

import os
from dataclasses import dataclass

from account import Account
from outcome import Outcome
from state import State

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass
class Run:
    """`wait` is how many seconds an event may need, `pause` how long SQS refuses a name that was deleted."""

    account: Account
    state: State
    outcome: Outcome
    folder: str
    wait: int
    pause: int
    # Further words for `tagger deploy`.
    deploy: list[str]
    # The organizational unit to try in, or nothing.
    unit: str
