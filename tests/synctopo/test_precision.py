"""Precision: a narrower type keeps what fits, says what it rounds, and refuses the rest."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synctopo import reduction
from synctopo.recorder import record
from synctopo.recording import Recording

pytestmark = pytest.mark.smoke


class Same(nn.Module):
    def states(self, x: Tensor):
        yield {"hidden": x}


COUNTS = torch.tensor([[0.0, 3.0], [255.0, 7.0]])
THIRDS = torch.tensor([[1 / 3, 2 / 3], [1.0, 0.5]])


def kept(x: Tensor, dtype: torch.dtype | None = None) -> Recording:
    return record(Same(), x, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.float16])
def test_counts_that_fit_are_kept_exactly(dtype):
    recording = kept(COUNTS, dtype)
    assert recording.signals["hidden"].dtype == np.dtype(str(dtype).removeprefix("torch."))
    np.testing.assert_array_equal(recording.cloud("hidden"), COUNTS)
    assert not recording.rounded


def test_what_rounding_loses_is_said_also_by_the_file(tmp_path):
    recording = kept(THIRDS, torch.float16)
    lost = np.abs(THIRDS.numpy().astype(np.float16).astype(float) - THIRDS.numpy()).max()
    assert recording.rounded == {"hidden": lost}
    assert "rounded by up to 0.00016" in repr(recording)
    recording.save(tmp_path / "r")
    assert Recording.load(tmp_path / "r").rounded == {"hidden": lost}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_of_another_precision_is_recorded(dtype):
    net = nn.Sequential(nn.Linear(2, 3)).to(dtype)
    cloud = record(net, COUNTS.to(dtype), sites=["0"]).cloud("0")
    np.testing.assert_array_equal(cloud, net(COUNTS.to(dtype)).detach().to(torch.float64))
    assert cloud.dtype == {torch.float16: np.float16, torch.bfloat16: np.float32, torch.float64: np.float64}[dtype]


@pytest.mark.parametrize(
    ("x", "dtype", "sentence"),
    [
        (COUNTS, torch.int8, "holds 255, and int8 ends at 127; keep a wider type"),
        (-COUNTS, torch.uint8, "holds -255, and uint8 ends at 0"),
        (1e5 * COUNTS, torch.float16, r"holds 2.55e\+07, and float16 ends at 65504"),
        (THIRDS, torch.uint8, "uint8 holds whole numbers only; keep float16 or wider"),
        (COUNTS, torch.bfloat16, "recordings are not kept as bfloat16; there are: float16, float32"),
        (COUNTS / 0, torch.float16, "holds NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_one_sentence(x, dtype, sentence):
    with pytest.raises(ValueError, match=sentence):
        kept(x, dtype)


def test_a_half_precision_count_is_summed_wider_and_then_narrowed():
    class Ticking(nn.Module):
        def states(self, x: Tensor):
            yield from ({"hidden": x} for _ in range(3000))

    ones = torch.ones(1, 1, dtype=torch.float16)
    recording = record(Ticking(), ones, reduce=reduction.count, dtype=torch.int16)
    assert recording.cloud("hidden").tolist() == [[3000]]
