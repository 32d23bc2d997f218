"""A file that is no recording fails on its own; the rest of the batch is transcribed."""

import html
import io
from pathlib import Path

import av
import numpy as np
import pytest

from tests.product import Member, Uploaded, until
from tests.speech import wav_bytes

ODD_NAMES = (
    "../../etc/passwd.wav",
    "a\u202egnp.wav",
    "x" * 300 + ".wav",
    "<img src=x onerror=alert(1)>.wav",
    "line\r\nSet-Cookie: a=b.wav",
    "日本語 🎙.wav",
)


def m4a(seconds: float = 5.0) -> bytes:
    """A tone as AAC, its index at the end."""
    file = io.BytesIO()
    times = np.arange(int(seconds * 44_100)) / 44_100
    tone = (np.sin(2 * np.pi * 440 * times) * 9000).astype(np.int16)[None, :]
    with av.open(file, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


# Name, content and what its page says.
BAD = (
    ("silent.wav", wav_bytes(np.zeros(0, np.float32)), "holds no samples"),
    ("text.mp3", b"just some text\n" * 500, "not an audio or video file"),
    ("script.wav", b"ffconcat version 1.0\nfile /etc/passwd\n", "not an audio or video file"),
    ("cut.m4a", m4a()[: len(m4a()) // 2], "not an audio or video file"),
    ("many.wav", wav_bytes(np.zeros((1600, 64), np.float32)), "64 audio channels"),
)


@pytest.fixture(scope="module")
def batch(ada: Member, talk: Path, tmp_path_factory) -> tuple[dict[str, Uploaded], Uploaded]:
    """Bad files around a good one, uploaded together."""
    folder = tmp_path_factory.mktemp("bad")
    bad = {}
    for name, content, _ in BAD:
        (folder / name).write_bytes(content)
        bad[name] = ada.upload(folder / name)
    return bad, ada.upload(talk, name="good.wav", diarize=True)


@pytest.mark.parametrize(("name", "reason"), [(name, reason) for name, _, reason in BAD])
def test_each_is_told_its_own_reason(ada: Member, batch, name: str, reason: str):
    bad, _ = batch
    recording = bad[name].recording

    def failed() -> str:
        page = html.unescape(ada.get(f"/recordings/{recording}/"))
        return page if "could not be transcribed" in page else ""

    page = until(failed, 60, f"{name} is refused")
    assert reason in page
    assert "Traceback" not in page
    # What was given is kept, whatever it is.
    kept = ada.http.get(f"/recordings/{recording}/file")
    assert kept.content == {each: content for each, content, _ in BAD}[name]


def test_the_good_one_between_them_is_transcribed(ada: Member, batch):
    _, good = batch
    assert ada.transcript(good.recording)["utterances"]


def test_what_is_empty_or_too_long_is_refused_before_it_travels(ada: Member):
    empty = ada.create_upload("empty.wav", 0)
    assert (empty.status_code, "empty" in empty.json()["error"]) == (400, True)
    long = ada.create_upload("long.wav", 10**15)
    assert (long.status_code, "at most" in long.json()["error"]) == (413, True)


def test_odd_names_are_kept_harmless(ada: Member, talk: Path):
    uploaded = [ada.upload(talk, name=name).recording for name in ODD_NAMES]
    for recording in uploaded:
        page = ada.http.get(f"/recordings/{recording}/")
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "\u202e" not in page.text
        file = ada.http.get(f"/recordings/{recording}/file")
        assert file.content == talk.read_bytes()
        assert "set-cookie" not in file.headers
        assert "/" not in file.headers["content-disposition"]
