"""Maps: the same convolutional layer as pixels and channels, as channels, and as positions."""

import numpy as np
import pytest
import torch
from torch import nn

from synctopo import maps, reduction
from synctopo.recorder import record
from synctopo.recording import Recording

pytestmark = pytest.mark.smoke

X = torch.rand(3, 1, 6, 5, generator=torch.Generator().manual_seed(0))
NET = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 2))
STATES = NET[0](X).detach().numpy()  # [3, 4, 4, 3]


def kept(how: maps.Maps, sites: tuple[str, ...] = ("0",)) -> Recording:
    return record(NET, X, sites=sites, reduce=reduction.last, maps=how, batch=2)


def test_flattened_every_channel_at_every_position_is_a_feature():
    np.testing.assert_allclose(kept(maps.flatten).cloud("0"), STATES.reshape(3, -1), rtol=1e-5, atol=1e-6)


def test_pooled_a_feature_is_the_mean_of_a_channel():
    np.testing.assert_allclose(kept(maps.pool).cloud("0"), STATES.mean((2, 3)), rtol=1e-5, atol=1e-6)


def test_pooling_ignores_where_and_flattening_does_not():
    moved = torch.roll(X, 1, 3)
    net = nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular")
    for how, same in ((maps.pool, True), (maps.flatten, False)):
        one, other = (record(nn.Sequential(net), x, sites=["0"], maps=how).cloud("0") for x in (X, moved))
        assert np.allclose(one, other, atol=1e-6) is same


def test_a_position_is_a_sample_that_knows_where_it_was():
    recording = kept(maps.positions)
    assert recording.cloud("0").shape == (3 * 4 * 3, 4)
    for (sample, row, column), point in zip(recording.samples, recording.cloud("0"), strict=True):
        np.testing.assert_allclose(point, STATES[sample, :, row, column], rtol=1e-5, atol=1e-6)


def test_sites_without_positions_are_pooled_as_they_are():
    both = kept(maps.pool, ("0", "3"))
    assert [both.cloud(site).shape for site in both.sites] == [(3, 4), (3, 2)]
    alone = kept(maps.positions, ("3",))
    np.testing.assert_array_equal(alone.samples, [0, 1, 2])


def test_the_choice_stands_in_the_recording_and_in_its_file(tmp_path):
    kept(maps.pool).save(tmp_path / "r")
    assert Recording.load(tmp_path / "r").maps == "pool"
    assert "maps by pool" in repr(Recording.load(tmp_path / "r"))


def test_positions_that_differ_between_sites_and_names_that_are_texts_are_refused():
    with pytest.raises(ValueError, match=r"positions are samples only where all sites have the same; they have 0 \[4, 3\], 3 \[\]"):
        kept(maps.positions, ("0", "3"))
    with pytest.raises(ValueError, match="named by whole numbers"):
        record(NET, X, sites=["0"], maps=maps.positions, samples=np.array(["a", "b", "c"]))
