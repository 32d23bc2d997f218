"""Rows of the fault matrix: each a fact and the tests that show it.

A row whose tests use the database or the broker is tried on every profile, the others once.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``tests`` are names of test functions by file; a file alone stands for all of its tests."""

    group: str
    number: str
    fact: str
    tests: tuple[str, ...]

    @property
    def uses_services(self) -> bool:
        folders = ("tests/transcripts/", "tests/management/")
        alone = ("tests/webapp/test_connections.py", "tests/webapp/test_failures.py")
        return any(test.startswith((*folders, *alone)) for test in self.tests)


def bad(number: str, fact: str, *tests: str) -> Row:
    return Row("bad input", number, fact, tests)


def fault(number: str, fact: str, *tests: str) -> Row:
    return Row("fault", number, fact, tests)


def attack(number: str, fact: str, *tests: str) -> Row:
    return Row("attack", number, fact, tests)


def ground(number: str, fact: str, *tests: str) -> Row:
    return Row("ground", number, fact, tests)


# Reasons of tests that are skipped on some profiles because another one tries them.
NOT_ON = {
    "PostgreSQL has no lock of the whole": "the lock of the whole database is SQLite's",
    "PostgreSQL keeps its own log": "copies of SQLite's files are tried on SQLite",
}

UPLOADS = "tests/transcripts/test_uploads.py::"
JOBS = "tests/transcripts/stages/test_jobs.py::"
SOUND = "tests/transcripts/media/test_sound.py::"
FETCH = "tests/transcripts/media/test_fetch.py::"
DECODE = "tests/engine/speech/audio/test_decode.py::"
GATE = "tests/engine/rest/test_gate.py::"
LISTEN = "tests/engine/sockets/test_listen.py::"
SOCKETS = "tests/engine/sockets/test_sockets.py::"
WORKER = "tests/transcripts/stages/test_worker.py::"
HEADS = "tests/network/test_connections.py::"
SOCKET_KEYS = "tests/engine/sockets/test_keys.py::"
ERRORS = "tests/pages/test_errors.py::"
BODIES = "tests/webapp/test_bodies.py::"
FAILURES = "tests/webapp/test_failures.py::"
READY = "tests/transcripts/test_readiness.py::"
DATA = "tests/webapp/test_data.py::"
KEYS = "tests/management/test_keyfiles.py::"
CLIENT = "tests/speechclient/test_live.py::"
MICROPHONE = "tests/transcripts/consumers/test_listen.py::"
VIEWER = "tests/transcripts/consumers/test_watch.py::"
SERVING = "tests/transcripts/live/test_serving.py::"
BROWSER = "tests/journey/test_live.py::"

REFUSED = f"{JOBS}test_what_cannot_be_audio_fails_with_a_reason_and_is_kept"

ROWS = (
    bad("1", "an empty file is rejected before it travels",
        f"{UPLOADS}test_limits_are_checked_before_bytes_travel",
        f"{DECODE}test_zero_bytes_are_empty"),
    bad("2", "a header without samples is no recording",
        REFUSED, f"{DECODE}test_a_header_alone_holds_no_audio"),
    bad("3", "a WAV that lies about its length is read to its real end",
        f"{SOUND}test_wav_that_lies_about_its_length_is_taken",
        f"{DECODE}test_an_unknown_length_is_read_to_the_real_end"),
    bad("4", "a cut file gives what there is and says so, or fails and is kept",
        f"{SOUND}test_truncated_mp3_is_taken_and_mp4_without_its_index_is_not",
        f"{DECODE}test_a_cut_m4a_gives_what_there_is_and_says_so",
        f"{DECODE}test_a_cut_m4a_without_its_index_is_rejected"),
    bad("5", "text under the name of audio is rejected", REFUSED),
    bad("6, 7", "scripts and playlists make nothing else be read",
        f"{SOUND}test_script_does_not_make_another_file_be_read",
        f"{DECODE}test_text_scripts_and_playlists_are_rejected"),
    bad("8", "a decoder that dies ends one recording and no worker",
        f"{SOUND}test_file_whose_decoder_dies_is_rejected", "tests/transcripts/test_poison.py"),
    bad("9, 10, 12", "too much work ends at a limit",
        f"{DECODE}test_a_small_file_that_unpacks_to_hours_ends_at_the_limit",
        f"{DECODE}test_too_much_work_ends_at_the_limit",
        f"{SOUND}test_length_that_was_decoded_is_limited",
        f"{JOBS}test_recording_beyond_the_longest_is_refused"),
    bad("11", "too many channels and too high a rate are named", f"{SOUND}test_limits_are_named",
        f"{DECODE}test_too_many_channels_are_named_with_the_limit",
        f"{DECODE}test_too_high_a_rate_is_named_with_the_limit"),
    bad("13, 14", "an archive is rejected, and nothing of it is unpacked",
        f"{SOUND}test_archive_is_rejected_and_nothing_of_it_is_unpacked"),
    bad("15", "odd names are cleaned and never a path",
        f"{UPLOADS}test_odd_names_are_cleaned_and_never_a_path",
        "tests/transcripts/test_exports.py::test_download_is_an_attachment_under_its_own_name"),
    bad("16", "a title is text whatever it looks like",
        f"{UPLOADS}test_title_is_text_whatever_it_looks_like"),
    bad("17", "a name that is a formula is text on the page and in every export",
        "tests/transcripts/test_speakers.py::"
        "test_a_name_that_is_a_formula_is_text_on_the_page_and_in_every_export"),
    bad("18", "hostile JSON is validated, bounded and escaped",
        "tests/speechclient/test_listen.py", "tests/transcripts/test_nonsense.py",
        f"{JOBS}test_answer_with_hostile_members_is_stored_as_text"),
    bad("19", "times outside of the recording are clamped and logged",
        "tests/speechclient/test_listen.py::"
        "test_times_are_brought_into_the_recording_and_it_is_logged"),
    bad("20", "surrogates, NUL and a megabyte in a word are stored or rejected",
        f"{JOBS}test_answer_with_hostile_members_is_stored_as_text",
        "tests/speechclient/test_listen.py::test_a_word_of_a_megabyte_is_cut",
        "tests/transcripts/search/test_search.py::"
        "test_an_endless_utterance_is_kept_and_its_beginning_found"),
    bad("21", "addresses inside the network are rejected in any form",
        f"{FETCH}test_inside_addresses_are_refused_in_any_form"),
    bad("22", "a redirect to one is rejected too",
        f"{FETCH}test_redirect_to_an_inside_address_is_refused"),
    bad("23", "a name is resolved once, and the checked address connected to",
        f"{FETCH}test_name_is_resolved_once_and_the_checked_address_connected_to"),
    bad("24", "an endless or trickling response is cut off",
        f"{FETCH}test_server_that_trickles_is_cut_off",
        f"{FETCH}test_answers_that_are_no_recording_say_why"),
    bad("25", "any query is a result or a hint", "tests/transcripts/search/test_query.py",
        "tests/transcripts/search/test_search.py::test_no_query_is_an_error"),
    bad("26", "odd frames close a socket with a reason",
        f"{LISTEN}test_text_that_is_no_message_ends_the_stream",
        f"{LISTEN}test_a_frame_of_more_than_two_megabytes_is_too_big",
        f"{LISTEN}test_an_empty_frame_ends_the_stream",
        f"{LISTEN}test_an_odd_number_of_bytes_waits_for_its_other_half",
        f"{LISTEN}test_a_bad_parameter_rejects_the_handshake_and_is_named",
        f"{LISTEN}test_samples_of_another_rate_than_announced_harm_nobody",
        f"{LISTEN}test_a_thousand_frames_a_second_are_read_in_order",
        f"{HEADS}test_small_frames_by_the_thousand_close_a_socket",
        f"{LISTEN}test_a_client_that_does_not_read_is_cut_off_alone"),
    bad("27", "a socket of a page elsewhere, or of a key that has expired, is closed",
        f"{SOCKET_KEYS}test_a_key_that_expires_closes_its_sockets",
        f"{SOCKET_KEYS}test_deleting_a_key_closes_its_sockets",
        f"{LISTEN}test_a_wrong_key_rejects_the_handshake",
        f"{MICROPHONE}test_a_page_of_another_site_gets_no_socket",
        f"{MICROPHONE}test_an_expired_session_closes_the_socket",
        "tests/webapp/test_sockets.py"),
    bad("28", "a body is bounded, announced or not, and an offset is not believed",
        f"{BODIES}test_a_body_that_was_not_announced_is_cut_at_the_limit",
        f"{UPLOADS}test_more_bytes_than_the_header_tells_are_noticed",
        f"{UPLOADS}test_bytes_that_do_not_continue_are_refused_with_the_offset",
        f"{UPLOADS}test_second_writer_is_turned_away"),
    bad("29", "bytes of another file are rejected, and what is sent twice at once is one job",
        f"{UPLOADS}test_a_resumed_upload_never_mixes_two_files",
        f"{UPLOADS}test_last_bytes_that_come_several_times_at_once_make_one_recording",
        f"{UPLOADS}test_another_transcription_asked_for_twice_at_once_is_one_job"),
    bad("30", "what others own is a 404 everywhere", "tests/pages/test_access.py"),
    fault("1", "a worker killed at work loses nothing",
          f"{WORKER}test_jobs_of_a_killed_worker_are_done_once_by_the_next"),
    fault("2", "what dies three times over one recording is given up, and others are transcribed",
          "tests/transcripts/test_poison.py"),
    fault("3", "a response is on disk before it is stored, and is bought once",
          f"{JOBS}test_answer_of_a_killed_worker_is_stored_by_the_next",
          f"{JOBS}test_answer_is_not_paid_for_twice_when_storing_failed"),
    fault("4, 5, 6", "a lost message or broker costs seconds",
          f"{JOBS}test_sweep_rings_for_what_was_overlooked_and_abandoned",
          f"{WORKER}test_recording_is_taken_while_the_broker_is_down",
          "tests/transcripts/queue/test_dispatch.py"),
    fault("7", "a message that comes five times makes one transcript",
          f"{JOBS}test_message_that_comes_twice_makes_one_transcript"),
    fault("8", "a worker that was taken for dead writes nothing",
          f"{JOBS}test_worker_that_was_taken_for_dead_writes_nothing"),
    fault("9", "Retry-After is obeyed and the order kept",
          f"{JOBS}test_retry_after_is_obeyed_and_the_order_kept"),
    fault("10", "ten server errors are outlived with growing pauses",
          f"{JOBS}test_ten_server_errors_are_outlived_after_growing_pauses",
          "tests/transcripts/test_poison.py::test_ten_503_are_outlived",
          f"{JOBS}test_pauses_of_an_outage_grow_and_are_bounded"),
    fault("11, 12", "a server that vanished or reset is noticed, and the job tried again",
          "tests/transcripts/stages/test_liveness.py",
          "tests/transcripts/test_poison.py::"
          "test_recording_over_which_something_dies_fails_after_three"),
    fault("13", "a live session outlives an outage, and what it lost is a marked gap",
          f"{CLIENT}test_stored_audio_outlives_a_long_outage",
          f"{CLIENT}test_memory_without_room_waits_once_and_then_loses_the_oldest",
          f"{SERVING}test_a_stream_that_catches_up_is_not_idle",
          f"{BROWSER}test_no_word_is_lost_when_engine_and_web_server_are_killed"),
    fault("14", "a live page that was closed or loaded again loses and repeats nothing",
          f"{BROWSER}test_a_reload_repeats_and_loses_nothing",
          f"{MICROPHONE}test_a_tab_that_comes_back_misses_nothing_and_repeats_nothing",
          f"{SERVING}test_a_silence_ends_the_session"),
    fault("15", "one of two tabs records a live session, and the other is told",
          f"{MICROPHONE}test_one_of_two_tabs_has_the_session_and_the_other_is_told"),
    fault("16", "a full disk is a 507 that leaves nothing half-written",
          f"{UPLOADS}test_full_disk_leaves_nothing_half_written",
          f"{FAILURES}test_write_that_the_machine_cannot_do_is_told",
          f"{BODIES}test_a_full_disk_is_a_507", f"{READY}test_full_disk_is_told"),
    fault("17", "a locked database is a 503 with Retry-After",
          f"{FAILURES}test_lock_of_another_writer_is_a_503",
          f"{FAILURES}test_write_that_the_machine_cannot_do_is_told",
          f"{READY}test_database_that_another_writer_has_locked_is_told"),
    fault("18", "a power cut at any moment leaves every acknowledged row",
          "tests/webapp/test_power_cut.py"),
    fault("19", "a clock that is set holds nothing up and deletes nothing",
          "tests/transcripts/test_clocks.py", "tests/webapp/test_schedule.py"),
    fault("20", "a worker that is told to stop gives its jobs back at once",
          f"{WORKER}test_worker_that_is_told_to_stop_gives_its_job_back_at_once"),
    fault("20, live", "a web server that stops stores its sessions, and viewers catch up",
          f"{MICROPHONE}test_a_server_that_stops_stores_what_was_said",
          f"{VIEWER}test_a_viewer_catches_up_by_number",
          f"{VIEWER}test_a_viewer_follows_the_session_to_this_process",
          f"{VIEWER}test_a_viewer_that_does_not_read_is_closed_and_holds_up_nobody"),
    attack("1", "inside of the decoder nothing can be opened, removed, forked or traced",
           "tests/sandbox/test_confinement.py"),
    attack("2", "data is readable to its owner alone",
           f"{DATA}test_every_process_makes_private_files",
           f"{DATA}test_folder_of_an_earlier_version_is_tightened"),
    attack("3", "every moment has an upper bound",
           "tests/transcripts/test_clocks.py", "tests/webapp/test_schedule.py",
           f"{READY}test_jobs_from_a_clock_ahead_are_told_too"),
    attack("4", "strangers hold nothing for long",
           f"{BODIES}test_an_unfinished_body_without_a_session_has_a_deadline",
           f"{BODIES}test_the_oldest_unfinished_body_makes_room",
           f"{GATE}test_the_engine_bounds_the_head_of_a_request",
           f"{GATE}test_a_body_for_nobody_is_not_waited_for",
           "tests/network/test_connections.py"),
    attack("5", "a poison recording harms itself alone", "tests/transcripts/test_poison.py"),
    attack("6", "nothing that a caller sends is a 500", "tests/pages/test_errors.py",
           f"{GATE}test_a_token_of_any_json_is_a_401", f"{GATE}test_json_of_any_depth_is_a_400"),
    attack("7", "a full disk and a locked database are told, and the log is not flooded",
           "tests/webapp/test_failures.py"),
    attack("8", "nonsense is an error and is not bought twelve times",
           "tests/transcripts/test_nonsense.py"),
    attack("9", "threads and room are shared", "tests/transcripts/test_fairness.py",
           f"{UPLOADS}test_room_is_reserved_for_what_is_announced_over_all_uploads"),
    attack("10", "a key that is deleted ends its sockets", "tests/engine/sockets/test_keys.py"),
    attack("11", "text rules are linear", "tests/engine/text/test_linear.py"),
    attack("12", "unusable state is one sentence, and never a new library",
           "tests/webapp/test_data.py", "tests/management/test_keyfiles.py",
           f"{UPLOADS}test_broken_creation_is_a_400", "tests/transcripts/stages/test_liveness.py"),
    ground("1", "connections are as many as are at work", "tests/webapp/test_connections.py"),
    ground("2", "liveness and readiness are told apart", "tests/transcripts/test_readiness.py"),
    ground("3", "no test depends on the speed of the machine", "tests/webapp/test_broker.py"),
)  # fmt: skip
