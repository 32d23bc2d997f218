from webapp.secrets import read_or_make


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "new" / "django.key"
    first = read_or_make(path)
    assert len(first) == 50
    assert read_or_make(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
