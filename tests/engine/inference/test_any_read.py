"""Bodies and parameters of ``POST /v1/read``: whatever they are, the engine does not fail."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.inprocess import Inside

pytestmark = pytest.mark.full

JSON = {"content-type": "application/json"}
EVERYTHING = "summarize=v2&topics=true&intents=true&sentiment=true"
SENTENCE = "I love this wonderful product, but please cancel my subscription. "

TEXTS: tuple[Any, ...] = (
    *(None, 1, 1.5, True, [], ["Good."], {}, {"text": "Good."}, "", " ", "\u200b"),
)
ADDRESSES: tuple[Any, ...] = (
    *(None, 1, True, [], {}, "", " ", "http://", "https://", "http:///path", "ftp://a.b/c"),
    *("file:///etc/passwd", "javascript:1", "http://[::1", "http://[]/", "http://a b/"),
    *("http://user:word@127.0.0.1/", "http://127.0.0.1:99999/", "http://2130706433/"),
    *("http://localhost/\r\nX: y", "http://\u2603.example.invalid/", "http://a.invalid/"),
    *("http://169.254.169.254/latest", "HTTP://127.0.0.1", "http://" + "a" * 70_000),
    "http://%00/",
)
BODIES: dict[str, bytes | str] = {
    "nothing": b"",
    "blank": b" \n\t ",
    "a NUL": b"\0",
    "a byte order mark": b'\xef\xbb\xbf{"text": "Good."}',
    "UTF-16": '{"text": "Good."}'.encode("utf-16"),
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "half a character": '{"text": "é"}'.encode()[:-3],
    "no JSON": b"text=Good.",
    "two values": b'{"text": "a"}{"text": "b"}',
    "cut": b'{"text": "Good',
    "a name twice": b'{"text": "a", "text": "b"}',
    "a comment": b'{"text": "Good." /* ! */}',
    "Infinity": b'{"text": Infinity}',
    "NaN": b'{"text": "a", "other": NaN}',
    "a huge number": b'{"text": "a", "other": 1' + b"0" * 5_000 + b"}",
    "a huge exponent": b'{"text": "a", "other": 1e999999}',
    "an unpaired surrogate": rb'{"text": "Good \ud800 day."}',
    "an escaped NUL": rb'{"text": "Good\u0000day."}',
    "a deep list": b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a deep object": b'{"text":' * 100_000 + b"1" + b"}" * 100_000,
    "depth beside the text": b'{"text": "a", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "many members": json.dumps({str(place): place for place in range(100_000)}),
    "a list": b'[{"text": "Good."}]',
    "a string": b'"Good."',
    **{f"text is {json.dumps(value)[:20]}": json.dumps({"text": value}) for value in TEXTS},
    **{f"url is {json.dumps(value)[:30]}": json.dumps({"url": value}) for value in ADDRESSES},
    "both": b'{"text": "Good.", "url": "http://a.invalid/"}',
    "neither": b'{"words": "Good."}',
    "no letters": json.dumps({"text": "... !!! 123 \U0001f600 \u0301\u0301"}),
    "one endless word": json.dumps({"text": "a" * 200_000}),
    "only line ends": json.dumps({"text": "\n" * 50_000 + "a"}),
    "many sentences": json.dumps({"text": "No! " * 200}),
    "right to left": json.dumps({"text": "\u202eمرحبا بالعالم. " * 20}),
    "a script without blanks": json.dumps({"text": "今天天气很好。" * 50}),
    "markup": json.dumps({"text": "<script>alert('{{7*7}}')</script> ${x} %s %n' OR 1=1 --"}),
}
QUERIES = (
    *("", "summarize", "summarize=", "summarize=no", "summarize=v9", "summarize=true&summarize=v2"),
    *("topics=maybe", "sentiment=\u0661", "sentiment=true&sentiment=false", "%00=%00", "%ff=%fe"),
    *("topics=true&custom_topic=", "topics=true&custom_topic=%20", "custom_topic=a"),
    *("topics=true&custom_topic_mode=loose", "topics=true&custom_topic_mode=strict"),
    "topics=true&" + "&".join(f"custom_topic=subject{place}" for place in range(101)),
    "intents=true&" + "&".join(f"custom_intent=to+do+{place}" for place in range(101)),
    *("intents=true&custom_intent=" + "a" * 5_000, "topics=true&custom_topic=%F0%9F%98%80"),
    *("sentiment=true&language=", "sentiment=true&language=xx", "sentiment=true&language=en-GB"),
    *("sentiment=true&tag=" + "a" * 200, "sentiment=true&tag=%0d%0a", "sentiment=true&tag="),
    *("sentiment=true&callback=", "sentiment=true&callback=nowhere"),
    *("sentiment=true&callback=http://127.0.0.1:1/", "sentiment=true&callback_method=delete"),
    "&".join(["sentiment=true"] * 2_000),
)


async def test_any_body_is_analysed_or_rejected(inside: Inside):
    for what, body in BODIES.items():
        response = await inside.post(f"/v1/read?{EVERYTHING}", content=body, headers=JSON)
        check(response, what)


async def test_any_query_is_read_or_rejected(inside: Inside):
    for query in QUERIES:
        response = await inside.post(f"/v1/read?{query}", json={"text": SENTENCE})
        check(response, query)


async def test_damaged_requests_are_rejected(inside: Inside):
    for body, query in damaged(40):
        response = await inside.post(f"/v1/read?{query}", content=body, headers=JSON)
        check(response, f"{body!r} {query}")


def damaged(count: int) -> Iterator[tuple[bytes, str]]:
    """Requests of which some bytes are others, the same in every run."""
    chance = random.Random(10)
    for _ in range(count):
        body = bytearray(json.dumps({"text": SENTENCE * 3}), "utf-8")
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        query = list(EVERYTHING)
        for _ in range(chance.randint(0, 3)):
            query[chance.randrange(len(query))] = chance.choice("&=%;+a0\u00e9 ")
        yield bytes(body), "".join(query)


def check(response: Any, what: str) -> None:
    """The response is the analysis, or an error of the caller with a code and a sentence."""
    assert response.status_code in (200, 400, 413, 415), (what, response.text)
    assert response.headers["dg-request-id"]
    body = response.json()
    if response.status_code == 200:
        assert body.keys() == {"metadata", "results"} or body.keys() == {"request_id"}
    else:
        assert all(body[part] for part in ("err_code", "err_msg", "request_id"))
