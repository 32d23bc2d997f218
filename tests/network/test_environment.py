"""Both servers read a value of the environment by the same rules and reject it in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.env import DEFAULT_LIMITS, read_environment
from network.environment import Misconfigured, Reader
from webapp import env

Server = Callable[[Mapping[str, str]], Any]

# (read, a number, its default, least and most, a flag) of each server.
SERVERS: dict[str, tuple[Server, str, str, int, int, int, str, str]] = {
    "engine": (
        read_environment,
        "ENGINE_REQUEST_DAYS", "request_days", 90, 1, 36500,
        "ENGINE_STRICT", "strict",
    ),
    "webapp": (
        env.read,
        "EARSHOT_WORKER_THREADS", "worker_threads", 4, 1, 256,
        "EARSHOT_DEBUG", "debug",
    ),
}  # fmt: skip
each_server = pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)


@each_server
@pytest.mark.parametrize(
    "value", ["abc", "1.5", "-1", "+1", "1_000", "1e3", "٣", "²", "0x10", "9" * 5000, "0", "1 2"]
)
def test_a_number_is_of_ascii_digits_within_its_limits(server, value):
    read, name, _, _, least, most, _, _ = server
    with pytest.raises(Misconfigured) as caught:
        read({name: value})
    assert str(caught.value) == (
        f"{name} is {value!r}; set it to a whole number from {least} to {most}."
    )


@each_server
def test_a_number_of_the_limits_is_taken(server):
    read, name, attribute, _, least, most, _, _ = server
    for value in (least, most):
        assert getattr(read({name: f" {value}\n"}), attribute) == value


@each_server
@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_a_blank_variable_is_not_set(server, value):
    read, name, attribute, default, _, _, flag, flag_attribute = server
    settings = read({name: value, flag: value})
    assert getattr(settings, attribute) == default
    assert getattr(settings, flag_attribute) is False


@each_server
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, True) for value in ("1", "TRUE", "yes", "On")),
        *((value, False) for value in ("0", "False", "no", "off")),
    ],
)
def test_a_flag_has_the_usual_words(server, value, expected):
    read, *_, flag, attribute = server
    assert getattr(read({flag: value}), attribute) is expected


@each_server
@pytest.mark.parametrize("value", ["maybe", "2", "y", "truee", "-"])
def test_another_word_is_no_flag(server, value):
    read, *_, flag, _ = server
    with pytest.raises(Misconfigured) as caught:
        read({flag: value})
    assert str(caught.value) == f"{flag} is {value!r}; set it to true or false."


@pytest.mark.parametrize(
    ("read", "name", "least"),
    [(read_environment, "ENGINE_SECRET_KEY", 32), (env.read, "EARSHOT_SECRET_KEY", 50)],
)
@pytest.mark.parametrize("value", ["hunter2", "ab" * 50])
def test_a_weak_secret_is_counted_and_not_shown(read, name, least, value):
    with pytest.raises(Misconfigured) as caught:
        read({name: value})
    assert str(caught.value) == (
        f"{name} has {len(value)} characters, {len(set(value))} of them different; set it to at "
        f"least {least} random characters."
    )


@pytest.mark.parametrize(
    ("read", "name", "value", "scheme", "allowed"),
    [
        (env.read, "DATABASE_URL", "mysql://u:sesame@db/x", "mysql", "sqlite://"),
        (env.read, "CELERY_BROKER_URL", "sqs://u:sesame@q", "sqs", "filesystem://"),
        (env.read, "DEEPGRAM_BASE_URL", "api.sesame.test", "", "http://, https://"),
        (read_environment, "ENGINE_DATABASE_URL", "mysql://u:sesame@db/x", "mysql", "sqlite://"),
        (read_environment, "INTELLIGENCE_URL", "ftp://u:sesame@x", "ftp", "http://, https://"),
    ],
)
def test_an_address_of_another_kind_is_rejected_without_its_password(
    read, name, value, scheme, allowed
):
    with pytest.raises(Misconfigured) as caught:
        read({name: value})
    assert str(caught.value).startswith(f"{name} starts with {scheme!r}; start it with one of ")
    assert allowed in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    prices = tmp_path / "prices.json"
    for value in (prices, tmp_path):
        with pytest.raises(Misconfigured) as caught:
            read_environment({"ENGINE_PRICES": str(value)})
        assert str(caught.value) == (
            f"ENGINE_PRICES is {str(value)!r}, which cannot be read; set it to a JSON file."
        )
    prices.touch()
    assert read_environment({"ENGINE_PRICES": str(prices)}).prices == prices


def test_a_list_has_no_empty_parts():
    reader = Reader({"COMMAS": " a, b,,c ", "BLANKS": " a  b\tc "})
    assert reader.words("COMMAS") == ("a", "b", "c")
    assert reader.words("BLANKS", None) == ("a", "b", "c")
    assert reader.words("NOTHING") == ()


def test_the_engine_has_its_defaults_without_an_environment():
    settings = read_environment({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8001)
    assert settings.cors_origins == ("*",)
    assert settings.limits == DEFAULT_LIMITS
    assert settings.database_url == f"sqlite:///{settings.data}/engine.sqlite3"
    assert settings.threads == max(2, os.cpu_count() or 2)


def test_an_endpoint_needs_the_name_of_a_model():
    with pytest.raises(Misconfigured) as caught:
        read_environment({"INTELLIGENCE_URL": "https://model.test/v1"})
    assert str(caught.value) == (
        "INTELLIGENCE_URL is set; set INTELLIGENCE_MODEL to a model there."
    )
