"""Budget of a live session while it runs: its reservation grows with its audio."""

from management.models import budgets
from transcripts.live.models import LiveSession

CHECK_SECONDS = 30.0
# Reserved ahead of the audio: more than comes until the next check.
LEAD_SECONDS = 2 * CHECK_SECONDS


def extend(session: LiveSession, seconds: float) -> str:
    """Reserve the cost of a session that has ``seconds`` of audio, and of the next moments.

    Returns a warning for its host from 80 % of a budget on, empty before. Raises ``OverBudget``.
    """
    usage = budgets.extend(
        session.project, session.reference, session.amount(seconds + LEAD_SECONDS)
    )
    if usage is None or usage.part < budgets.WARN_AT:
        return ""
    percent = min(usage.percent, 100)
    return f"{percent} % of {usage.budget} are spent or reserved. At 100 % this session ends."
