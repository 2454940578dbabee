import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "heterogeneity_design.py"


@pytest.mark.slow
def test_the_search_prints_the_networks_that_no_other_beats_and_what_they_remember() -> None:
    pytest.importorskip("optuna", reason="needs the extra `design`")
    command = [sys.executable, str(EXAMPLE), "--trials", "2", "--units", "100", "--train", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accuracy  spikes  tau_mem.mean")
    assert done.stdout.count("memory capacity") == 2
