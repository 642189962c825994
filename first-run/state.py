"""What a run has begun and done, in a file that is written before and after each step: a killed run goes on from it.

It holds names, no credentials. It must not call AWS.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

FILE = "state.json"


@dataclass
class State:
    """One run in one account and region. `name` is in the name of whatever is made."""

    account: str
    region: str
    name: str
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    # What was there before, and is therefore not cleaned up.
    kept: list[str] = field(default_factory=list)
    cleaned: bool = False


class Problem(Exception):
    """Something that the person who runs this can do something about; its text says what."""


def new(account: str, region: str) -> State:
    return State(account, region, f"first-run-{secrets.token_hex(3)}")


def load(folder: str) -> State | None:
    """The run of this folder; None where there is none."""
    path = os.path.join(folder, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return State(**json.load(file))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise Problem(f"{path} cannot be read ({error}). It names what the last run made, so look for `first-run-` in the "
                      f"account before you remove the file.") from error


def save(folder: str, state: State) -> None:
    """Whole or not at all, whatever kills the process meanwhile."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, FILE)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
