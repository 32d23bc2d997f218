"""Ringing: a hint that may be lost, never a thing that fails."""

import time

import pytest
from celery import current_app
from django.db import transaction

from transcripts.queue import dispatch as doorbell


@pytest.fixture
def broken_broker(monkeypatch) -> list[str]:
    tried: list[str] = []

    def send_task(name, **_):
        tried.append(name)
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app, "send_task", send_task)
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    return tried


def test_broker_that_is_down_is_nobodys_error(broken_broker):
    doorbell.ring("transcripts.transcribe", 1)
    assert broken_broker == ["transcripts.transcribe"]


def test_broker_that_is_down_is_not_waited_for_again_at_once(broken_broker, monkeypatch):
    doorbell.ring("transcripts.transcribe", 1)
    doorbell.ring("transcripts.transcribe", 2)
    assert len(broken_broker) == 1
    monkeypatch.setattr(time, "monotonic", lambda: doorbell._silent_until + 1)
    doorbell.ring("transcripts.transcribe", 3)
    assert len(broken_broker) == 2


@pytest.mark.django_db(transaction=True)
def test_bell_rings_when_the_row_can_be_seen(rings):
    with transaction.atomic():
        doorbell.ring_on_commit("transcripts.transcribe", 7)
        assert rings == []
    assert rings == [("transcripts.transcribe", 7)]


@pytest.mark.django_db(transaction=True)
def test_bell_does_not_ring_for_what_was_rolled_back(rings):
    with transaction.atomic():
        doorbell.ring_on_commit("transcripts.transcribe", 7)
        transaction.set_rollback(True)
    assert rings == []
