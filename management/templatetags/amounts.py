"""Template filters for amounts and for requests."""

from django import template

from management.charts import written

register = template.Library()


@register.filter
def amount(number: float) -> str:
    """A number with as many places as it needs."""
    return written(number)


@register.filter
def length_of_audio(hours: float) -> str:
    """Hours of audio in the unit that fits: "8 s", "4 min", "1.3 h"."""
    seconds = round(hours * 3600)
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(hours * 60)
    return f"{minutes} min" if minutes < 60 else f"{hours:,.1f} h"


@register.filter
def dollars(number: float | None) -> str:
    """US dollars with two places, more for amounts below a cent; or that it is not known."""
    if number is None:
        return "not known"
    return f"${written(number)}" if 0 < number < 0.01 else f"${number:,.2f}"
