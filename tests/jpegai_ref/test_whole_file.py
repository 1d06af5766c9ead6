"""Outputs that are no plain files."""

from __future__ import annotations

from pathlib import Path

from jpegai_ref.whole_file import obstacle, write_whole

from tests.outputs import check_full_standard_output, check_link, check_pipe


def test_a_link_goes_on_naming_its_file(tmp_path: Path) -> None:
    check_link(write_whole, tmp_path)


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    assert obstacle(link) is None
    write_whole(link, b"after")
    assert link.read_bytes() == b"after"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    check_pipe(write_whole, tmp_path)


def test_standard_output_that_is_full_is_said_in_a_line() -> None:
    check_full_standard_output("jpegai_ref", "jpegai_ref")
