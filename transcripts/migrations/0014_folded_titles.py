from django.db import migrations

import transcripts.models


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0013_recordings_by_date")]

    operations = [
        migrations.AddField(
            model_name="recording",
            name="title_folded",
            field=transcripts.models.FoldedTitle(default="", editable=False),
        ),
    ]
