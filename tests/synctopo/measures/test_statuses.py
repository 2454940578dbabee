"""In a comparison, every measure has a value or a status with a reason, whatever the layer did."""

import numpy as np
import pytest

from synctopo import compare
from synctopo.measures import MEASURES

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
N = 40
LAYER = RNG.poisson(2.0, (N, 12)).astype(np.float32)
OTHERS = {
    "silent": np.zeros((N, 12)),
    "constant": np.full((N, 3), 4.0),
    "with dead units": LAYER * (np.arange(12) % 3 > 0),
    "with duplicates": LAYER[np.arange(N) // 2],
    "wider than n": RNG.poisson(2.0, (N, 1200)),
    "of one unit": LAYER[:, :1] + np.arange(N)[:, None] / N,
    "firing for one sample": LAYER * (np.arange(N) == 7)[:, None],
}
WITHOUT_GIOTTO = [name for name in MEASURES if name not in ("landscape", "betti")]


@pytest.mark.parametrize("what", OTHERS)
def test_every_measure_has_a_value_or_a_reason(what):
    table = compare({"layer": LAYER, "other": OTHERS[what]}, measures=WITHOUT_GIOTTO)
    assert list(table["measure"]) == WITHOUT_GIOTTO
    good = table["status"] == "ok"
    assert np.isfinite(table["value"][good].astype(float)).all()
    assert table["value"][~good].isna().all()
    assert (table["reason"][~good].str.len() > 20).all()
    if what in ("silent", "constant"):
        assert set(table["status"]) == {"silent" if what == "silent" else "degenerate"}
    elif what in ("with dead units", "with duplicates"):
        assert set(table["measure"][~good]) <= {"rsa_correlation"}
    else:
        assert good.any()
