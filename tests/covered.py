"""Coverage of each room by the fast and slow tests: printed from the data of pytest-cov."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.test_imports import ROOT, module_name, room_of


def rooms(report: Path) -> dict[str, float]:
    """Percent of the statements that ran, by room, from a report of ``coverage json``."""
    statements: Counter[str] = Counter()
    covered: Counter[str] = Counter()
    for name, file in json.loads(report.read_text())["files"].items():
        room = room_of(module_name(ROOT / name)) or ""
        statements[room] += file["summary"]["num_statements"]
        covered[room] += file["summary"]["covered_lines"]
    return {room: 100 * covered[room] / count for room, count in statements.items() if count}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(report)]
        subprocess.run(command, cwd=ROOT, check=True)
        shares = rooms(report)
    print("Statements that the fast and slow tests run, by room:")
    for room, percent in sorted(shares.items(), key=lambda item: item[1]):
        print(f"  {percent:4.0f} %  {room}")


if __name__ == "__main__":
    main()
