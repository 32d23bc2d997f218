from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("management", "0002_server_pauses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("transcripts", "0015_fold_titles"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="sha256",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="upload",
            name="state",
            field=models.CharField(
                choices=[("open", "Unfinished"), ("stored", "Became a recording")],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=Q(state="open"), fields=["owner"], name="uploads_unfinished"
            ),
        ),
    ]
