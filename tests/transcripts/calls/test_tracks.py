"""The two tracks of a call on one time line."""

from array import array

from transcripts.calls.tracks import RATE, Tracks, with_caller


def pcm(value: int, seconds: float) -> bytes:
    return array("h", [value] * round(seconds * RATE)).tobytes()


def channels(frames: bytes) -> tuple[array, array]:
    both = array("h", frames)
    return both[0::2], both[1::2]


def test_audio_of_the_caller_stands_where_the_page_says():
    tracks = Tracks()
    tracks.hear(pcm(7, 0.5), RATE, now=1.5)
    caller, agent = channels(tracks.take(2.0))
    assert len(caller) == len(agent) == 2 * RATE
    assert set(caller[:RATE]) == {0}
    assert set(caller[RATE : RATE + RATE // 2]) == {7}
    assert set(caller[RATE + RATE // 2 :]) == {0}
    assert set(agent) == {0}


def test_a_reply_that_is_sent_at_once_stands_where_it_is_played():
    tracks = Tracks()
    assert tracks.play(pcm(1, 1.0), now=1.0) == (1.0, 2.0)
    assert tracks.play(pcm(2, 1.0), now=1.1) == (2.0, 3.0)
    _, agent = channels(tracks.take(2.5))
    assert [agent[place * RATE // 2] for place in range(5)] == [0, 0, 1, 1, 2]
    assert tracks.is_playing(2.5)
    _, rest = channels(tracks.take(4.0))
    assert list(rest).count(2) == RATE // 2


def test_what_was_not_played_is_dropped_at_an_interruption():
    tracks = Tracks()
    tracks.play(pcm(1, 3.0), now=0.0)
    assert tracks.stop(1.0) == 1.0
    assert not tracks.is_playing(1.0)
    assert tracks.play(pcm(2, 1.0), now=1.5) == (1.5, 2.5)
    _, agent = channels(tracks.take(3.0))
    assert (list(agent).count(1), list(agent).count(2)) == (RATE, RATE)
    assert agent[round(1.25 * RATE)] == 0
    assert tracks.stop(4.0) == 3.0


def test_late_audio_of_the_caller_is_put_into_what_is_written():
    tracks = Tracks()
    tracks.play(pcm(1, 1.0), now=0.0)
    written = tracks.take(1.0)
    tracks.hear(pcm(7, 1.0), RATE // 2, now=1.5)
    (late,) = tracks.take_late()
    assert (late.start, len(late.audio)) == (RATE // 2, RATE)
    assert tracks.take_late() == []
    caller, agent = channels(with_caller(written[late.start * 4 :], late.audio))
    assert set(caller) == {7}
    assert set(agent) == {1}
    rest, _ = channels(tracks.take(1.5))
    assert set(rest) == {7}


def test_a_page_that_counts_wrongly_does_not_make_a_long_silence():
    tracks = Tracks()
    tracks.hear(pcm(7, 0.5), 2**60, now=0.0)
    caller, _ = channels(tracks.take(2.0))
    assert list(caller).count(7) == RATE // 2


def test_both_channels_are_taken_once():
    tracks = Tracks()
    tracks.hear(pcm(7, 1.0), 0, now=1.0)
    assert len(tracks.take(0.5)) == 2 * RATE
    assert len(tracks.take(1.0)) == 2 * RATE
    assert tracks.take(0.9) == b""


def test_no_audio_of_the_caller_is_lost_at_the_end():
    tracks = Tracks()
    tracks.hear(pcm(7, 1.0), 0, now=0.9)
    tracks.play(pcm(1, 3.0), now=0.0)
    caller, agent = channels(tracks.take(0.9, is_last=True))
    assert (len(caller), list(caller).count(7), list(agent).count(1)) == (RATE, RATE, RATE)
