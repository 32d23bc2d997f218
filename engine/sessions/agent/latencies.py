"""Times of one exchange: the report at its first audio, and warnings of slowness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.sessions.agent.exchanges import Clocks, Exchange
from engine.sessions.agent.steps import Step, Tell, warning
from engine.wire import agent_messages as wire
from engine.wire.shapes import UNSET

SLOW_SECONDS = 5.0  # until the first token, or the first audio, then a Warning, repeatedly


def report(clocks: Clocks, now: float, *, is_experimental: bool) -> Iterator[Step]:
    """Report the times of the turn at its first audio, which is sent now."""
    if clocks.is_reported:
        return
    clocks.is_reported = True
    thinking, text = clocks.think, clocks.text
    latencies = wire.LatencyReport(
        stt_latency=_between(clocks.speech_end, clocks.words),
        ttt_token_latency=_between(thinking, clocks.token),
        ttt_text_latency=_between(thinking, text),
        ttt_tool_latency=_between(thinking, clocks.tool),
        ttt_thinking_latency=_between(thinking, clocks.thinking),
        tts_latency=_between(text or clocks.say, clocks.audio or now),
        total_latency=_between(clocks.speech_end, now),
    )
    if is_experimental:
        started = wire.AgentStartedSpeaking(
            total_latency=latencies.total_latency or 0.0,
            tts_latency=latencies.tts_latency or 0.0,
            ttt_latency=latencies.ttt_text_latency or 0.0,
        )
        yield Tell(started)
    yield Tell(latencies)


def warn_of_slowness(turn: Exchange, now: float) -> Iterator[Step]:
    """Warn every five seconds while the model has no token or the voice no audio."""
    clocks = turn.clocks
    due = SLOW_SECONDS * (clocks.warned + 1)
    is_thinking = turn.thought is not None and not (turn.round_text or turn.calls)
    if is_thinking and clocks.think is not None and now - clocks.think >= due:
        clocks.warned += 1
        problem = f"The model has not responded for {now - clocks.think:.0f} s."
        yield warning("SLOW_THINK_REQUEST", problem)
        return
    is_voiceless = not is_thinking and clocks.audio is None and clocks.say is not None
    if is_voiceless and now - (clocks.say or 0.0) >= due:
        clocks.warned += 1
        problem = f"The voice has made no audio for {now - (clocks.say or 0.0):.0f} s."
        yield warning("SLOW_SPEAK_REQUEST", problem)


def _between(start: float | None, end: float | None) -> Any:
    return UNSET if start is None or end is None else round(max(0.0, end - start), 3)
