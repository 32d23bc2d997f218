"""Template filters for times, dates and states."""

from datetime import datetime

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from transcripts.models import Utterance
from transcripts.text import reading

register = template.Library()


@register.filter
def clock(seconds: float | None) -> str:
    """1:02:03; nothing while the length is not known."""
    return "" if seconds is None else reading.clock(seconds)


@register.filter
def size(count: int) -> str:
    """Bytes as people say them: 812 kB, 42 MB, 1.8 GB."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if unit == "GB" else f"{value:.0f} {unit}"


@register.filter
def said(moment: datetime) -> str:
    """A moment as people say it, in the reader's time zone: "today 14:05", "3 November"."""
    local, today = timezone.localtime(moment), timezone.localdate()
    time = f"{local:%H:%M}"
    days = (today - local.date()).days
    if days == 0:
        return f"today {time}"
    if days == 1:
        return f"yesterday {time}"
    if 1 < days < 7:
        return f"{local:%A} {time}"
    if local.year == today.year:
        return f"{local.day} {local:%B}"
    return f"{local.day} {local:%B %Y}"


@register.filter
def exactly(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S %Z}"


@register.filter
def laid(utterance: Utterance) -> list[reading.Word]:
    """The words of an utterance to click; its bare text as one when there are no times."""
    timed = utterance.words or [[utterance.text, utterance.start]]
    return reading.words(utterance.text, timed)


@register.simple_tag
def icon(name: str, kind: str = "") -> SafeString:
    """A drawing from icons.svg, for the eye alone: the words stand beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        kind,
        static("icons.svg"),
        name,
    )
