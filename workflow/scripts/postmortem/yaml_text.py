"""YAML that people wrote, read so that no text of a few lines fills the memory or ends the process.

Aliases of aliases ("billion laughs") grow to gigabytes when they are walked, and brackets by the thousand overflow the
stack of libyaml's composer. Both show in the events, which are read without building anything.
"""

from __future__ import annotations

from typing import Any

import yaml

DEEPEST = 60  # levels; a profile has five
MOST_NODES = 200_000  # with every alias written out; the largest file of our own has a tenth


def load(text: str) -> Any:
    """The values of one document. Raises yaml.YAMLError, also for what is nested too deeply or grows too large."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _check(text, loader)
    return yaml.load(text, loader)


def _check(text: str, loader: Any) -> None:
    sizes: dict[str, int] = {}  # nodes below each anchor, aliases written out
    open_: list[tuple[str | None, int]] = []  # anchor of each open collection, and the count when it began
    count = 0
    for event in yaml.parse(text, loader):
        if isinstance(event, yaml.AliasEvent):
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
        if len(open_) > DEEPEST:
            raise yaml.YAMLError(f"it is nested deeper than {DEEPEST} levels")
        if count > MOST_NODES:
            raise yaml.YAMLError(f"with its aliases written out it holds more than {MOST_NODES} values")
