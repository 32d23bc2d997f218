"""Template tags of form fields."""

from typing import Any

from django import template
from django.forms import BoundField

from management.forms import option_list

register = template.Library()
register.simple_tag(option_list, name="options")


@register.inclusion_tag("management/_entry.html")
def entry(field: BoundField, label: str = "", hint: str = "", **attrs: Any) -> dict[str, Any]:
    """A field with its label, a hint and its error; ``attrs`` are attributes of the widget."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()} | {"class": "field"}
    if "placeholder" in field.field.widget.attrs:
        attrs.setdefault("placeholder", "")  # allauth's repeats the label
    described = f"{field.id_for_label}-problem" if field.errors else ""
    if hint:
        described = f"{field.id_for_label}-hint {described}".strip()
    if field.errors:
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = described
    return {
        "field": field,
        "label": label or field.label,
        "hint": hint,
        "widget": field.as_widget(attrs=attrs),
    }


@register.inclusion_tag("management/_tick.html")
def tick(field: BoundField, label: str = "", hint: str = "") -> dict[str, Any]:
    """A checkbox before its label."""
    return {"field": field, "label": label or field.label, "hint": hint}


BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(user_agent: str) -> str:
    """A User-Agent header in two words: "Firefox on Linux"; its beginning when it is none known."""
    names = [name for sign, name in BROWSERS if sign in user_agent][:1]
    systems = [name for sign, name in SYSTEMS if sign in user_agent][:1]
    return " on ".join(names + systems) or user_agent[:40] or "Unknown program"
