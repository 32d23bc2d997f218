"""`manage.py usage`: usage and costs by a dimension, as a table, CSV or JSON."""

import csv
import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from management.charts import written
from management.models import Project
from management.spending import DIMENSIONS, MEASURES, STEPS, Period, breakdown, this_month


class Command(BaseCommand):
    help = "Print the mirrored usage of a period, by default of this month."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--project", help="name or id of a project")
        parser.add_argument("--measure", choices=MEASURES, default="hours")
        parser.add_argument("--by", choices=DIMENSIONS, default="endpoint")
        parser.add_argument("--per", choices=STEPS, default="day")
        parser.add_argument("--start", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--end", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--csv", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        month = this_month()
        period = Period(options["start"] or month.start, options["end"] or month.end)
        if period.start > period.end:
            raise CommandError(f"--start {period.start} is after --end {period.end}.")
        projects = list(Project.objects.select_related("connection"))
        if options["project"]:
            projects = list(Project.objects.called(options["project"]))
        if not projects:
            raise CommandError("There is no such project.")
        step = options["per"]
        drawn = breakdown(projects, period, options["measure"], options["by"], step)
        names = [each.name for each in drawn.series]
        first_days = [first.isoformat() for first, _ in period.bins(step)]
        rows = [
            (first, amounts, total)
            for first, (_, amounts, total) in zip(first_days, drawn.table, strict=True)
        ]
        if options["json"]:
            for first, amounts, total in rows:
                sums = dict(zip(names, amounts, strict=True))
                self.stdout.write(json.dumps({step: first, "sums": sums, "total": total}))
            return
        if options["csv"]:
            writer = csv.writer(self.stdout)
            writer.writerows([(step, *names, "total")])
            writer.writerows([(first, *amounts, total) for first, amounts, total in rows])
            return
        for first, amounts, total in rows:
            if total:
                parts = zip(names, amounts, strict=True)
                text = ", ".join(f"{name} {written(amount)}" for name, amount in parts if amount)
                self.stdout.write(f"{first}  {written(total)}  ({text})")
        self.stdout.write(f"{'total':10}  {written(drawn.total)}")
