"""The folder of messages: none is read before it is whole, and none that is torn ends a worker."""

import threading
from queue import Empty

import pytest
from kombu.connection import Connection

from webapp.running import broker
from webapp.running.broker import Transport


@pytest.fixture
def channel(tmp_path):
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
        "store_processed": False,
    }
    with Connection(transport=Transport, transport_options=options) as connection:
        yield connection.channel()


def test_messages_come_out_in_their_order(channel):
    for number in range(3):
        channel._put("celery", {"number": number})
    assert [channel._get("celery")["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        channel._get("celery")


def test_no_message_is_seen_half_written(channel):
    count, found = 400, []
    payload = {"text": "x" * 50_000}

    def write():
        for _ in range(count):
            channel._put("celery", payload)

    writer = threading.Thread(target=write)
    writer.start()
    while True:
        # Asked before the folder is read: what is written after an empty read is still to come.
        writing = writer.is_alive()
        try:
            found.append(channel._get("celery"))
        except Empty:
            if not writing:
                break
    writer.join()
    assert len(found) == count
    assert all(each == payload for each in found)


def test_torn_message_is_left_out(channel, tmp_path):
    (tmp_path / "queue" / "0_a.celery.msg").write_bytes(b"")
    channel._put("celery", {"number": 1})
    with pytest.raises(Empty):
        channel._get("celery")
    assert channel._get("celery") == {"number": 1}


def test_torn_table_of_queues_is_written_anew(channel, tmp_path):
    (tmp_path / "control" / "celery.exchange").write_bytes(b"")
    channel._queue_bind("celery", "celery", "", "celery")
    channel._queue_bind("celery", "celery", "", "celery")
    assert channel.get_table("celery") == [("celery", "", "celery")]


def test_many_processes_bind_at_once(channel):
    threads = [
        threading.Thread(target=channel._queue_bind, args=["celery", "celery", "", f"queue-{each}"])
        for each in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(channel.get_table("celery")) == 20


def test_the_application_uses_it():
    from webapp.celery import celery

    with celery.connection_for_write("filesystem://") as connection:
        assert connection.get_transport_cls() is Transport


def test_a_folder_is_no_server_whose_name_is_missing(caplog):
    broker.use()
    assert not Connection("filesystem://").info()["hostname"]
    assert caplog.records == []
