"""What a pattern of AWS's API models allows. AWS's services hold a whole value to its pattern, anchored or not."""
from __future__ import annotations

import re
import re._constants as kinds
import re._parser as parser

# Classes that Java's patterns know and Python's do not: those that hold no punctuation, and all others.
PLAIN_CLASSES = re.compile(r"\\p\{(L|N|M|Z|Lu|Ll|Nd|Zs|Alpha|Alnum|Digit|Lower|Upper|Is(Alphabetic|Digit|Latin))\}")
OTHER_CLASSES = re.compile(r"\\[pP]\{\w+\}")


def may_hold(pattern: str, marks: str) -> bool:
    """Whether a value of this pattern can hold one of the marks.  Where an ARN is allowed beside a name, the name counts.

    What cannot be read counts as yes.
    """
    plain = OTHER_CLASSES.sub(lambda _: re.escape(marks), PLAIN_CLASSES.sub("a", pattern))
    try:
        return _sequence(parser.parse(plain), marks)
    except (re.error, RecursionError):
        return True


def _sequence(items, marks: str) -> bool:
    # One of several: the ARN, or the name.
    letters = [value for kind, value in items if kind is not kinds.AT][:3]
    if letters == [ord(letter) for letter in "arn"]:
        return False
    return any(_item(kind, value, marks) for kind, value in items)


def _item(kind, value, marks: str) -> bool:
    if kind is kinds.LITERAL:
        return chr(value) in marks
    if kind is kinds.NOT_LITERAL:
        return any(chr(value) != mark for mark in marks)
    if kind is kinds.IN:
        return any(_in(value, mark) for mark in marks)
    if kind is kinds.BRANCH:
        return any(_sequence(branch, marks) for branch in value[1])
    if kind is kinds.SUBPATTERN:
        return _sequence(value[3], marks)
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
        return _sequence(value[2], marks)
    if kind in (kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT):
        return False
    # Any letter, a group that is named again, and whatever is not known here.
    return True


def _in(members, mark: str) -> bool:
    negated, found = False, False
    for kind, value in members:
        if kind is kinds.NEGATE:
            negated = True
        elif kind is kinds.LITERAL:
            found |= chr(value) == mark
        elif kind is kinds.RANGE:
            found |= value[0] <= ord(mark) <= value[1]
        elif kind is kinds.CATEGORY:
            found |= value in (kinds.CATEGORY_NOT_DIGIT, kinds.CATEGORY_NOT_SPACE, kinds.CATEGORY_NOT_WORD)
        else:
            found = True
    return found != negated
