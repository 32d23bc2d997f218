"""Tags of every request that Earshot makes: few and stable, so that sums by tag stay readable.

Deepgram takes at most 500 distinct tags a day of 128 characters each: docs/contract.md, 14.3.
"""

from dataclasses import replace
from typing import Any, TypeVar

PROJECT = "project:"
FEATURE = "feature:"

Tagged = TypeVar("Tagged", bound=Any)


def tagged(options: Tagged, project_id: int, feature: str, **extra: object) -> Tagged:
    """Return the options with the tags of the project and the feature after those chosen.

    The project's tag has its id, so that a renamed project keeps its sums. ``extra`` is echoed
    in the response's metadata, where the options have it.
    """
    own = (f"{PROJECT}{project_id}", f"{FEATURE}{feature}")
    tags = (*(tag for tag in options.tag if tag not in own), *own)
    if not extra:
        return replace(options, tag=tags)
    named = {name: str(value) for name, value in extra.items()}
    return replace(options, tag=tags, extra={**options.extra, **named})
