from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0020_search_across_utterances")]

    operations = [
        migrations.AddIndex(
            model_name="transcription",
            index=models.Index(
                fields=["finished_at"],
                name="transcriptions_failed",
                condition=Q(state="failed"),
            ),
        ),
    ]
