from django.db import migrations
from django.db.models import Sum
from django.db.models.functions import TruncMonth

AMOUNTS = {
    "Usage": (
        "hours",
        "total_hours",
        "agent_hours",
        "tokens_in",
        "tokens_out",
        "characters",
        "requests",
    ),
    "Cost": ("dollars",),
}
BATCH = 2000


def fill(apps, schema_editor):
    """Add the mirrored days up to months."""
    for kind, names in AMOUNTS.items():
        days, months = (apps.get_model("management", f"{kind}{part}") for part in ("Day", "Month"))
        # A project at a time: a large account has millions of days.
        for project in days.objects.order_by().values_list("project", flat=True).distinct():
            keys = ("grouping", "value")
            by_month = days.objects.filter(project=project).annotate(month=TruncMonth("day"))
            summed = by_month.order_by().values_list(*keys, "month")
            summed = summed.annotate(**{f"{name}_sum": Sum(name) for name in names})
            months.objects.bulk_create(
                [
                    months(
                        project_id=project,
                        grouping=grouping,
                        value=value,
                        day=month,
                        **dict(zip(names, amounts, strict=True)),
                    )
                    for grouping, value, month, *amounts in summed
                ],
                batch_size=BATCH,
            )


class Migration(migrations.Migration):
    dependencies = [
        ("management", "0021_sums_of_months"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
