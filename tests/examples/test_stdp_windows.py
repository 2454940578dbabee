import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "stdp_windows.py"


@pytest.mark.slow
def test_the_windows_are_drawn_and_printed_as_the_page_says(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), str(tmp_path / "windows.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "windows.png").stat().st_size > 10_000
    page = (EXAMPLE.parents[1] / "docs" / "stdp-windows.md").read_text(encoding="utf-8")
    for line in done.stdout.splitlines()[1:]:
        first, *_, last = line[45:].split()
        assert f"| {first} |" in page
        assert f"| {last} |" in page
