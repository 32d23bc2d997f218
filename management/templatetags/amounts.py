"""Template filters for amounts and for requests."""

from django import template

from management.charts import written

register = template.Library()


@register.filter
def amount(number: float) -> str:
    """A number with as many places as it needs."""
    return written(number)


@register.filter
def dollars(number: float | None) -> str:
    """US dollars with two places, more for amounts below a cent; or that it is not known."""
    if number is None:
        return "not known"
    return f"${written(number)}" if 0 < number < 0.01 else f"${number:,.2f}"
