import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "topological_autoencoder.py"


@pytest.mark.slow
def test_the_example_prints_every_measure_of_both_auto_encoders() -> None:
    command = [sys.executable, str(EXAMPLE), "--seeds", "1", "--epochs", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for name in ("triplet accuracy", "distance correlation", "Wasserstein of H0", "Wasserstein of H1", "RTD", "reconstruction error"):
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(name)]
        assert line.count("±") == 2
