"""The environment is read once, typed, and refused in a sentence that says what to set."""

import pytest

from webapp import env


def test_an_empty_environment_means_the_engine_in_the_box():
    read = env.read({})
    assert read.uses_engine
    assert (read.host, read.port, read.engine_port) == ("127.0.0.1", 8000, 8001)


def test_a_key_alone_means_hosted_deepgram():
    read = env.read({"DEEPGRAM_API_KEY": "k"})
    assert not read.uses_engine
    assert read.deepgram_base_url == "https://api.deepgram.com"
    assert read.deepgram_agent_url == "wss://agent.deepgram.com"


def test_a_base_url_means_a_self_hosted_server():
    read = env.read({"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://speech.test/"})
    assert read.deepgram_base_url == "https://speech.test"
    assert read.deepgram_agent_url == ""


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "abc"}, "PORT is 'abc'; set it to a whole number from 1 to 65535."),
        ({"PORT": "0"}, "PORT is '0'; set it to a whole number from 1 to 65535."),
        ({"PORT": "8001"}, "PORT and ENGINE_PORT are both 8001; set one of them to another."),
        ({"EARSHOT_DEBUG": "maybe"}, "EARSHOT_DEBUG is 'maybe'; set it to true or false."),
        (
            {"DEEPGRAM_BASE_URL": "https://speech.test"},
            "DEEPGRAM_BASE_URL is set; set DEEPGRAM_API_KEY to a key it accepts.",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_set(environ, sentence):
    with pytest.raises(env.Misconfigured) as caught:
        env.read(environ)
    assert str(caught.value) == sentence


def test_a_wrong_url_is_refused_without_its_password():
    with pytest.raises(env.Misconfigured) as caught:
        env.read({"DATABASE_URL": "mysql://user:sesame@db/earshot"})
    assert "DATABASE_URL starts with 'mysql'" in str(caught.value)
    assert "sesame" not in str(caught.value)
