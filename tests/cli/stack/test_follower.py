"""A log that another process writes is followed over its replacement."""

from pathlib import Path

from cli.stack.follower import Follower


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_what_was_there_before_is_not_repeated(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    append(log, "old\n")
    follower = Follower(log)
    append(log, "new\nhal")
    assert list(follower.new_lines()) == ["new"]
    append(log, "f\n")
    assert list(follower.new_lines()) == ["half"]
    assert list(follower.new_lines()) == []
    follower.close()


def test_a_replaced_file_is_read_to_its_end_and_the_new_one_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    append(log, "")
    follower = Follower(log)
    append(log, "last\n")
    log.replace(tmp_path / "server.log.1")
    append(log, "first\n")
    assert list(follower.new_lines()) == ["last", "first"]
    follower.close()


def test_a_file_may_come_later(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "server.log")
    assert list(follower.new_lines()) == []
    append(tmp_path / "server.log", "first\n")
    assert list(follower.new_lines()) == ["first"]
    follower.close()
