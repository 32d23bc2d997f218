"""Progress of a recording: visible to its own project while it is in work."""

from engine.progress import Progress


def test_progress_is_known_under_the_name_of_the_request_while_it_is_under_way():
    progress = Progress()
    with progress.of("p-1", "one") as note:
        assert progress.heard("p-1", "one") == 0.0
        note(12.5)
        note(10.0)  # another channel may be slower
        assert progress.heard("p-1", "one") == 12.5
        assert progress.heard("p-1", "two") is None
    assert progress.heard("p-1", "one") is None


def test_progress_is_not_told_to_other_projects():
    progress = Progress()
    with progress.of("p-1", "one"), progress.of("p-2", "one") as note:
        note(3.0)
        assert (progress.heard("p-1", "one"), progress.heard("p-2", "one")) == (0.0, 3.0)


def test_a_request_without_a_fitting_name_is_not_kept():
    progress = Progress()
    for name in ("", "a b", "x" * 101, "\u00e9"):
        with progress.of("p-1", name) as note:
            note(1.0)
            assert progress.heard("p-1", name) is None


def test_progress_of_a_failed_request_is_forgotten():
    progress = Progress()
    try:
        with progress.of("p-1", "one") as note:
            note(1.0)
            raise ValueError
    except ValueError:
        pass
    assert progress.heard("p-1", "one") is None
