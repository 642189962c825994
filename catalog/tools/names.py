"""How names of types, operations and members are compared, and how CloudTrail and the samples write them."""
from __future__ import annotations

import re


def norm(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def lower(name: str) -> str:
    """CloudTrail's casing of a member: the first letter is a small one."""
    return name[:1].lower() + name[1:]


def noun(operation: str) -> str:
    return re.sub(r"^[A-Z][a-z]+", "", operation)


def single(name: str) -> str:
    """A name without the ending of a plural, and without the word resource that some formats have."""
    name = name.removesuffix("resource") or name
    return re.sub(r"(?<=[sxh])es$|s$", "", re.sub(r"ies$", "y", name))


def heads(word: str) -> list[str]:
    """The name and what its last words are: AutomationRule, Rule.  The last word of a name is what the thing is."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z0-9]*|[A-Z0-9]+|[a-z0-9]+", word)
    return [norm("".join(words[i:])) for i in range(len(words))]


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
