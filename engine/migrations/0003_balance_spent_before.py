from django.db import migrations, models
from django.db.models import Sum


def count_spent(apps, schema_editor):
    """Balances were charged from the beginning of their first day."""
    balances = apps.get_model("engine", "Balance").objects
    days = apps.get_model("engine", "UsageDay").objects
    for balance in balances.all():
        before = days.filter(project_id=balance.project_id, day__lt=balance.created.date())
        balance.spent_before = before.aggregate(sum=Sum("dollars"))["sum"] or 0.0
        balance.save(update_fields=["spent_before"])


class Migration(migrations.Migration):
    dependencies = [("engine", "0002_callback_jobs")]

    operations = [
        migrations.AddField("balance", "spent_before", models.FloatField(default=0)),
        migrations.RunPython(count_spent, migrations.RunPython.noop),
    ]
