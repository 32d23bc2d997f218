from django.db import migrations

from transcripts.text.tokens import indexed

FILL = """
    UPDATE transcripts_utterance SET spaced = %s, seam = %s, vocabulary = %s WHERE id = %s
"""


def fill(apps, schema_editor):
    """Set what is indexed of each transcript that can be found, one after the other."""
    Utterance = apps.get_model("transcripts", "Utterance")
    searchable = Utterance.objects.filter(searchable=True).order_by()
    for run in list(searchable.values_list("transcription_id", flat=True).distinct()):
        rows = searchable.filter(transcription_id=run).order_by("index").values_list("pk", "text")
        numbers, texts = zip(*rows, strict=True)
        with schema_editor.connection.cursor() as cursor:
            cursor.executemany(
                FILL,
                [
                    (text.spaced, text.seam, text.vocabulary, pk)
                    for pk, text in zip(numbers, indexed(texts), strict=True)
                ],
            )


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0018_indexed_text")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
