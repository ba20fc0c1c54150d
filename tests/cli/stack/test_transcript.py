"""What parts say is kept in files of bounded size."""

from pathlib import Path

import pytest

from cli.stack.transcript import LogFile, Transcript


def test_a_full_file_becomes_the_predecessor(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "risk.log", limit=10)
    for line in ("12345", "6789", "abc", "defghi", "j"):
        log.write(line)
    log.close()
    assert (tmp_path / "risk.log").read_text() == "defghi\nj\n"
    assert (tmp_path / "risk.log.1").read_text() == "6789\nabc\n"


def test_a_line_longer_than_the_limit_is_kept_whole(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "risk.log", limit=10)
    log.write("x" * 50)
    log.write("y")
    log.close()
    assert (tmp_path / "risk.log.1").read_text() == "x" * 50 + "\n"


def test_the_size_of_an_earlier_run_counts(tmp_path: Path) -> None:
    (tmp_path / "risk.log").write_text("12345678\n")
    log = LogFile(tmp_path / "risk.log", limit=10)
    log.write("next")
    log.close()
    assert (tmp_path / "risk.log").read_text() == "next\n"


def test_log_files_are_closed_to_others(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, ["risk"])
    transcript.say("risk", "hello")
    transcript.close()
    assert (tmp_path / "risk.log").stat().st_mode & 0o777 == 0o600


def test_the_last_words_are_the_newest_twenty(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, ["risk", "gateway"])
    for number in range(25):
        transcript.say("risk", str(number))
    assert transcript.last_words("risk") == [str(number) for number in range(5, 25)]
    assert transcript.last_words("gateway") == []
    transcript.close()


def test_a_full_disk_is_said_once_and_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "risk.log").symlink_to("/dev/full")
    transcript = Transcript(tmp_path, ["risk"])
    transcript.say("risk", "one")
    transcript.say("risk", "two")
    transcript.close()
    assert capsys.readouterr().err == f"plimsoll: cannot write {tmp_path / 'risk.log'}: No space left on device\n"
    assert transcript.last_words("risk") == ["one", "two"]
