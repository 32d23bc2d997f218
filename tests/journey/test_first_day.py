"""The main job, end to end: a recording goes in, the team finds it by its words."""

import json
import os
import signal

from tests.product import until


def test_a_recording_goes_in_and_is_found_by_its_words(product, ada, talk):
    uploaded = ada.upload(talk)
    transcript = ada.transcript(uploaded.recording)
    text = json.dumps(transcript).lower()
    assert "tuesday" in text
    results = ada.get("/search/results/?q=tuesday")
    assert f"/recordings/{uploaded.recording}/" in results
    assert "<mark" in results
    page = ada.get(f"/recordings/{uploaded.recording}/")
    assert "talk" in page


def test_captions_carry_the_words_and_their_times(ada, talk):
    recording = ada.upload(talk, name="captions.wav").recording
    ada.transcript(recording)
    captions = ada.get(f"/recordings/{recording}/transcript.vtt")
    assert captions.startswith("WEBVTT")
    assert "-->" in captions
    assert "morning" in captions.lower()


def test_the_same_file_again_names_the_first(ada, talk):
    first = ada.upload(talk, name="first.wav")
    second = ada.upload(talk, name="second.wav")
    assert second.response["duplicate_of"]["id"] <= first.recording


def test_the_shell_does_the_same_job(product, talk):
    ran = product.manage("transcribe", str(talk), "--json", timeout=120)
    assert ran.returncode == 0, ran.stderr
    response = json.loads(ran.stdout)
    assert {"recording", "request_id", "duration", "transcript", "utterances"} <= response.keys()
    assert "tuesday" in response["transcript"].lower()
    found = product.manage("search", "tuesday", "--json")
    assert found.returncode == 0, found.stderr
    hits = [json.loads(line) for line in found.stdout.splitlines()]
    assert response["recording"] in {hit["recording"] for hit in hits}
    assert {"recording", "title", "speaker", "start", "end", "text"} <= hits[0].keys()


def test_a_killed_engine_comes_back_and_no_recording_is_lost(product, ada, talk):
    recording = ada.upload(talk, name="while-the-engine-dies.wav").recording
    os.kill(product.processes()["engine"], signal.SIGKILL)
    assert ada.transcript(recording, seconds=90)
    until(lambda: "engine" in product.processes(), 30, "the engine runs again")
