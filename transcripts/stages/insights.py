"""The second stage: the text of a transcript to what it is about."""

from datetime import datetime

from management.models import Charge, Work
from management.tagging import request_tags, tagged
from speechclient import ReadOptions, ReadResponse, read_read_response
from transcripts.models import Insight
from transcripts.stages import jobs
from transcripts.stages.jobs import Job
from transcripts.stages.speech import speech_client, speech_line

CHARACTERS_A_TOKEN = 4  # of English text, about


def read(pk: int, seen_lease: datetime | None = None) -> None:
    """Bring an insight as far as it goes; nothing when it is not to be had."""
    jobs.run(Insight.objects.all(), pk, seen_lease, work)


def work(job: Job[Insight]) -> None:
    kept = jobs.kept_response(job.row)
    if kept is not None:
        response = read_read_response(kept)
    else:
        text = job.row.text().text
        amount = Work(Charge.READ, tokens=len(text) // CHARACTERS_A_TOKEN)
        with jobs.within_budget(job, job.row.transcription.recording.project, amount):
            response = send(job, text)
    jobs.store(job, response)


def send(job: Job[Insight], text: str) -> ReadResponse:
    """Send the text and wait for the response, which is on disk when this returns."""
    insight = job.row
    server = insight.connection
    job.note(stage=Insight.Stage.SENDING)
    line = speech_line(server)
    job.use(line, len(text.encode()))
    with speech_client(server, line, insight.transcription.recording.duration) as client:
        options = ReadOptions.from_json(insight.options)
        project = insight.transcription.recording.project
        tags = request_tags(project, "insights", options.tag)
        response = client.read(text, tagged(options, tags), on_sent=job.sent)
    jobs.keep_response(insight, response.raw)
    server.resume()
    return response
