"""Budget of a live session or a call while it runs: its reservation grows with its length."""

from typing import Protocol

from management.models import Project, Work, budgets

CHECK_SECONDS = 30.0
# Reserved ahead of the audio: more than comes until the next check.
LEAD_SECONDS = 2 * CHECK_SECONDS


class Metered(Protocol):
    """A session or a call: what costs by its time."""

    @property
    def project(self) -> Project: ...

    @property
    def reference(self) -> str: ...

    def amount(self, seconds: float) -> Work: ...


def extend(metered: Metered, seconds: float, noun: str = "session") -> str:
    """Reserve the cost of what has run for ``seconds``, and of the next moments.

    Returns a warning for its user from 80 % of a budget on, empty before. Raises ``OverBudget``.
    """
    usage = budgets.extend(
        metered.project, metered.reference, metered.amount(seconds + LEAD_SECONDS)
    )
    if usage is None or usage.part < budgets.WARN_AT:
        return ""
    percent = min(usage.percent, 100)
    return f"{percent} % of {usage.budget} are spent or reserved. At 100 % this {noun} ends."
