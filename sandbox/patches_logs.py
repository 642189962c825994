"""CloudWatch Logs as on AWS: FilterLogEvents heeds a pattern for JSON, where the emulator answers with every line, and has
pages of at most 10,000 lines, where the emulator ends after the first.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, without regular expressions between
percent signs: those are refused, so that nobody takes a wrong answer for a right one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable

_TOKEN = re.compile(r"""\s*(?:(?P<sign>\(|\)|&&|\|\||!=|<=|>=|=|<|>)|(?P<path>\$[^\s()=!<>&|]*)|"(?P<text>(?:[^"\\]|\\.)*)"|"""
                    r"""(?P<word>[^\s()=!<>&|"]+))""")
_MISSING = object()

Matcher = Callable[[Any], bool]


class _Parser:
    """`||` binds less than `&&`, and both less than a comparison."""

    def __init__(self, pattern: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        pattern = pattern.strip()[1:-1].rstrip()
        while at < len(pattern):
            found = _TOKEN.match(pattern, at)
            if not found or not found.lastgroup:
                raise ValueError("Invalid filter pattern")
            self._tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()

    def parse(self) -> Matcher:
        matcher = self._any()
        if self._tokens:
            raise ValueError("Invalid filter pattern")
        return matcher

    def _take(self, *wanted: str) -> tuple[str, str]:
        if not self._tokens or (wanted and self._tokens[0][0] not in wanted):
            raise ValueError("Invalid filter pattern")
        return self._tokens.pop(0)

    def _ahead(self, sign: str) -> bool:
        if self._tokens[:1] == [("sign", sign)]:
            self._tokens.pop(0)
            return True
        return False

    def _any(self) -> Matcher:
        parts = [self._all()]
        while self._ahead("||"):
            parts.append(self._all())
        return lambda line: any(part(line) for part in parts)

    def _all(self) -> Matcher:
        parts = [self._one()]
        while self._ahead("&&"):
            parts.append(self._one())
        return lambda line: all(part(line) for part in parts)

    def _one(self) -> Matcher:
        if self._ahead("("):
            inner = self._any()
            if not self._ahead(")"):
                raise ValueError("Invalid filter pattern")
            return inner
        path = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", self._take("path")[1])
        kind, sign = self._take("sign", "word")
        if kind == "word":
            words = (sign.upper(), self._take("word")[1].upper())
            tests = {("NOT", "EXISTS"): lambda value: value is _MISSING, ("IS", "NULL"): lambda value: value is None,
                     ("IS", "TRUE"): lambda value: value is True, ("IS", "FALSE"): lambda value: value is False}
            if words not in tests:
                raise ValueError("Invalid filter pattern")
            return lambda line: tests[words](_at(line, path))
        kind, wanted = self._take("text", "word")
        if kind == "word" and wanted.startswith("%"):
            raise ValueError("Regular expressions are not known to this emulator")
        compared = _number(wanted) if kind == "word" and _is_number(wanted) else _text(re.sub(r"\\(.)", r"\1", wanted))
        return lambda line: compared(sign, _at(line, path))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text) is not None


def _number(wanted: str) -> Callable[[str, Any], bool]:
    number = float(wanted)

    def compared(sign: str, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return {"=": value == number, "!=": value != number, "<": value < number, ">": value > number,
                "<=": value <= number, ">=": value >= number}[sign]

    return compared


def _text(wanted: str) -> Callable[[str, Any], bool]:
    """A star is anything."""
    pattern = re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL)

    def compared(sign: str, value: Any) -> bool:
        if not isinstance(value, str) or sign not in ("=", "!="):
            return False
        return (pattern.fullmatch(value) is not None) == (sign == "=")

    return compared


def _at(line: Any, path: list[tuple[str, str]]) -> Any:
    for name, index in path:
        if name and isinstance(line, dict) and name in line:
            line = line[name]
        elif index and isinstance(line, list) and int(index) < len(line):
            line = line[int(index)]
        else:
            return _MISSING
    return line


LARGEST_PAGE = 10_000


def _page(data: dict[str, Any], filter_events: Callable[[dict], tuple]) -> tuple:
    """One page of FilterLogEvents: the emulator is asked for the lines of the rest, and a token says how many to pass over.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    from ministack.core.responses import error_response_json

    token = str(data.get("nextToken") or "0")
    if not token.isdigit():
        return error_response_json("InvalidParameterException", "The specified nextToken is invalid.", 400)
    size, passed = min(int(data.get("limit") or LARGEST_PAGE), LARGEST_PAGE), int(token)
    status, headers, body = filter_events({**data, "limit": _Unbounded(passed + size + 1)})
    if status >= 300:
        return status, headers, body
    answer = json.loads(body)
    events = answer["events"]
    answer["events"] = events[passed:passed + size]
    if len(events) > passed + size:
        answer["nextToken"] = str(passed + size)
    return status, headers, json.dumps(answer).encode()


class _Unbounded(int):
    """A limit that the emulator's `min(limit, 10000)` lets through: it asks whether 10000 is less."""

    def __gt__(self, other: Any) -> bool:
        return False


def apply() -> None:
    from ministack.core.responses import error_response_json
    from ministack.services import cloudwatch_logs

    original, filter_events = cloudwatch_logs._compile_filter_pattern, cloudwatch_logs._filter_log_events

    def compiled(pattern: str):
        if not pattern.strip().startswith("{"):
            return original(pattern)
        matcher = _Parser(pattern).parse()

        def matches(message: str) -> bool:
            try:
                line = json.loads(message)
            except ValueError:
                return False
            return isinstance(line, dict) and matcher(line)

        return matches

    def filtered(data: dict):
        try:
            return _page(data, filter_events)
        except ValueError as error:
            return error_response_json("InvalidParameterException", str(error), 400)

    cloudwatch_logs._compile_filter_pattern = compiled
    cloudwatch_logs._filter_log_events = filtered
