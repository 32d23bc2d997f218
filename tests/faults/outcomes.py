"""Outcomes of the fault matrix: as asserted, failed, or not tried and why."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OK = "ok"
NOT_TRIED = "not tried: "


@dataclass
class Tally:
    """Counts of a run of the matrix. It is good when all was tried and nothing failed."""

    ok: int = 0
    failed: int = 0
    untried: int = 0

    def counted(self, outcome: str) -> str:
        if outcome.startswith(OK):
            self.ok += 1
        elif outcome.startswith(NOT_TRIED):
            self.untried += 1
        else:
            self.failed += 1
        return outcome

    @property
    def is_good(self) -> bool:
        return self.ok > 0 and not self.failed and not self.untried

    def __str__(self) -> str:
        return (
            f"{self.ok} outcomes as asserted, {self.failed} not as asserted, "
            f"{self.untried} not tried."
        )


def of_report(report: Path, not_on: Mapping[str, str]) -> str:
    """The outcome of a row by pytest's report.

    A skipped test makes the whole row untried, unless its reason is in ``not_on``.
    """
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(str(case.get("name")))
        elif skip is not None:
            skipped.append(str(skip.get("message")))
        else:
            passed += 1
    if failed:
        return f"FAILED ({len(failed)} tests): {', '.join(failed[:3])}"
    unlisted = sorted({reason for reason in skipped if reason not in not_on})
    if unlisted:
        return NOT_TRIED + "; ".join(unlisted)
    if not passed:
        return NOT_TRIED + ("; ".join(sorted(set(skipped))) or "no test ran")
    left_out = "".join(f"; {not_on[reason]}" for reason in sorted(set(skipped)))
    return f"{OK} ({passed} tests{left_out})"
