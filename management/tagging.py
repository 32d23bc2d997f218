"""Tags of every request that Earshot makes: few and stable, so that sums by tag stay readable.

Deepgram takes at most 500 distinct tags a day of 128 characters each: docs/contract.md, 14.3.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from management.models import Project, UsedTag
from management.models.tags import MOST_A_DAY
from speechclient.options import TAG_LENGTH

PROJECT = "project:"
FEATURE = "feature:"

Tagged = TypeVar("Tagged", bound=Any)
logger = logging.getLogger(__name__)


def request_tags(project: Project, feature: str, chosen: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the tags of a request: those chosen, then those of its project and feature.

    The project's tag has its id, so that a renamed project keeps its sums. Tags beyond the
    limits of a server are left out, which is logged; the feature's tag always remains.
    """
    own, of_feature = f"{PROJECT}{project.pk}", f"{FEATURE}{feature}"
    wanted = [own, *dict.fromkeys(tag for tag in chosen if tag not in (own, of_feature))]
    fitting = [tag for tag in wanted if len(tag) <= TAG_LENGTH]
    admitted = UsedTag.objects.admit(project.connection_id, fitting)
    if left_out := [tag for tag in wanted if tag not in admitted]:
        logger.warning(
            "A request of project %d has no tag %s: a server takes %d a day of %d characters",
            project.pk, " and no tag ".join(left_out), MOST_A_DAY, TAG_LENGTH,
        )  # fmt: skip
    return (*(tag for tag in (*wanted[1:], own) if tag in admitted), of_feature)


def tagged(options: Tagged, tags: tuple[str, ...], **extra: object) -> Tagged:
    """Return the options with these tags.

    ``extra`` is echoed in the response's metadata, where the options have it.
    """
    if not extra:
        return replace(options, tag=tags)
    named = {name: str(value) for name, value in extra.items()}
    return replace(options, tag=tags, extra={**options.extra, **named})
