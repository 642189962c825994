"""Patterns of AWS's API models, which are Java's regular expressions, as Python's.

It must not guess: a pattern that cannot be said in Python gives None, and is not tried.
"""

from __future__ import annotations

import functools
import re
import unicodedata
import warnings

_POSIX = {
    "Alnum": "A-Za-z0-9", "Alpha": "A-Za-z", "ASCII": r"\x00-\x7f", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9", "Graph": r"\x21-\x7e", "Lower": "a-z", "Print": r"\x20-\x7e", "Punct": r"!-/:-@\[-`{-~",
    "Space": r"\s", "Upper": "A-Z", "XDigit": "0-9A-Fa-f"}


@functools.cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Of each general category of Unicode ("Lu") and each group ("L"): its ranges of characters."""
    found: dict[str, list[tuple[int, int]]] = {}
    for point in range(0x110000):
        category = unicodedata.category(chr(point))
        for name in (category, category[0]):
            ranges = found.setdefault(name, [])
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1] = (ranges[-1][0], point)
            else:
                ranges.append((point, point))
    return found


@functools.cache
def _property(name: str) -> str | None:
    """What stands between the brackets of a class with this property: \\p{L}, \\p{IsLatin} is not known."""
    if name in _POSIX:
        return _POSIX[name]
    ranges = _categories().get(name.removeprefix("Is"))
    if ranges is None:
        return None
    return "".join(f"\\U{first:08x}-\\U{last:08x}" if first != last else f"\\U{first:08x}" for first, last in ranges)


def _complement(name: str) -> str | None:
    if name in _POSIX:
        return None
    own = _categories().get(name.removeprefix("Is"))
    if own is None:
        return None
    parts, next_point = [], 0
    for first, last in own:
        if first > next_point:
            parts.append(f"\\U{next_point:08x}-\\U{first - 1:08x}")
        next_point = last + 1
    if next_point < 0x110000:
        parts.append(f"\\U{next_point:08x}-\\U0010ffff")
    return "".join(parts)


def _translated(pattern: str) -> str | None:
    """The pattern in Python's form, or None."""
    # All characters beyond the first 65,536 are written as pairs of halves.
    pattern = re.sub(r"\\u[dD]800\\u[dD][cC]00-\\u[dD][bB][fF][fF]\\u[dD][fF][fF][fF]", r"\\U00010000-\\U0010ffff", pattern)
    pattern = re.sub(r"\\[xu]\{([0-9A-Fa-f]+)\}", lambda hit: f"\\U{int(hit[1], 16):08x}", pattern)
    pattern = re.sub(r"\(\?<([A-Za-z]\w*)>", r"(?P<\1>", pattern).replace(r"\z", r"\Z")
    out: list[str] = []
    depth = 0  # inside a class
    at = 0
    while at < len(pattern):
        piece = pattern[at]
        if piece == "\\" and at + 1 < len(pattern):
            hit = re.match(r"\\([pP])(?:\{\^?(\w+)\}|(\w))", pattern[at:])
            if hit:
                name = hit[2] or hit[3]
                negated = (hit[1] == "P") != ("{^" in hit[0])
                content = _complement(name) if negated else _property(name)
                if content is None:
                    return None
                out.append(content if depth else f"[{content}]")
                at += len(hit[0])
                continue
            out.append(pattern[at:at + 2])
            at += 2
            continue
        if piece == "[":
            if depth:
                # A class in a class is a union in Java; a bare bracket is what Python needs escaped.
                if re.match(r"\[:\w+:\]|\[[^\]]*\][^\]]*\]", pattern[at:]):
                    return None
                out.append("\\[")
                at += 1
                continue
            depth = 1
            out.append(piece)
            at += 1
            if pattern[at:at + 1] == "^":
                out.append("^")
                at += 1
            continue
        if piece == "]" and depth:
            depth = 0
        if depth and pattern.startswith("&&", at):
            return None
        out.append(piece)
        at += 1
    return "".join(out)


def compiled(pattern: str) -> tuple[re.Pattern, bool] | None:
    """The pattern, and whether it says itself where a value begins or ends; one that does not is for the whole value."""
    if len(pattern) > 1 and pattern.startswith("/^") and pattern.endswith("$/"):
        pattern = pattern[1:-1]  # as it is written in JavaScript
    translated = _translated(pattern)
    if translated is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = re.compile(translated, re.DOTALL)  # lenient: whether a dot takes a new line is not told
    except (re.error, FutureWarning, DeprecationWarning, OverflowError):
        return None
    anchored = translated.startswith(("^", "(^", "(?s)^", "(?i)^", r"\A")) or translated.endswith(("$", r"\Z", "$)"))
    return made, anchored and not translated.endswith(r"\$")
