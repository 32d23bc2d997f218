"""The environment is read once, typed, and refused in a sentence that says what to set."""

import os
import subprocess
import sys

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
        (
            {"EARSHOT_SIGN_UP_DOMAINS": "example.com, @x"},
            "EARSHOT_SIGN_UP_DOMAINS names '@x'; set it to domains such as "
            "example.com,example.org.",
        ),
        ({"PORT": "0"}, "PORT is '0'; set it to a whole number from 1 to 65535."),
        ({"PORT": "8001"}, "PORT and ENGINE_PORT are both 8001; set one of them to another."),
        ({"EARSHOT_DEBUG": "maybe"}, "EARSHOT_DEBUG is 'maybe'; set it to true or false."),
        (
            {"EARSHOT_SECRET_KEY": "secret"},
            "EARSHOT_SECRET_KEY has 6 characters, 5 of them different; set it to at least 50 "
            "random characters.",
        ),
        (
            {"EARSHOT_SECRET_KEY": "ab" * 50},
            "EARSHOT_SECRET_KEY has 100 characters, 2 of them different; set it to at least 50 "
            "random characters.",
        ),
        (
            {"EARSHOT_SECRET_KEY_FALLBACKS": "old,older"},
            "EARSHOT_SECRET_KEY_FALLBACKS has 3 characters, 3 of them different; set it to at "
            "least 50 random characters.",
        ),
        (
            {"EARSHOT_ADMIN_EMAIL": "admin"},
            "EARSHOT_ADMIN_EMAIL is 'admin'; set it to an e-mail address such as ada@example.com.",
        ),
        (
            {"EARSHOT_ADMIN_PASSWORD": "seven77"},
            "EARSHOT_ADMIN_PASSWORD is shorter than 8 characters; set it to a password that is "
            "hard to guess.",
        ),
        (
            {"EARSHOT_ADMIN_PASSWORD": "Password1"},
            "EARSHOT_ADMIN_PASSWORD is one of the most common passwords; set it to a password "
            "that is hard to guess.",
        ),
        (
            {"EARSHOT_ADMIN_PASSWORD": "2468013579135"},
            "EARSHOT_ADMIN_PASSWORD is made of too few different characters; set it to a "
            "password that is hard to guess.",
        ),
        (
            {
                "EARSHOT_ADMIN_EMAIL": "ada.lovelace@x.org",
                "EARSHOT_ADMIN_PASSWORD": "Ada.Lovelace1",
            },
            "EARSHOT_ADMIN_PASSWORD is close to the e-mail address of EARSHOT_ADMIN_EMAIL; set "
            "it to a password that is hard to guess.",
        ),
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


def test_a_weak_secret_stays_out_of_the_message():
    with pytest.raises(env.Misconfigured) as caught:
        env.read({"EARSHOT_ADMIN_PASSWORD": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_strong_values_are_taken():
    key = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
    read = env.read(
        {
            "EARSHOT_SECRET_KEY": key,
            "EARSHOT_ADMIN_EMAIL": "ada@localhost",
            "EARSHOT_ADMIN_PASSWORD": "sesame-and-lentils",
        }
    )
    assert (read.secret_key, read.admin_email) == (key, "ada@localhost")


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EARSHOT_SECRET_KEY", "secret"),
        ("EARSHOT_ADMIN_EMAIL", "admin"),
        ("EARSHOT_ADMIN_PASSWORD", "secret"),
    ],
)
def test_a_weak_value_stops_every_start_with_a_sentence(name: str, value: str, tmp_path):
    environ = os.environ | {name: value, "EARSHOT_DATA": str(tmp_path)}
    for command in (["manage.py", "up"], ["-c", "import webapp.settings"]):
        done = subprocess.run(
            [sys.executable, *command], env=environ, cwd=env.ROOT, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"Earshot cannot start: {name} ")
        assert done.stderr.count("\n") == 1
