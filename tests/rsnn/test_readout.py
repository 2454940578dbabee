import pytest
import torch

from rsnn import Readout, fit_readout


def clusters(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(300) % 3
    centres = torch.tensor([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 600.0, 0.0]])
    return centres[labels] + torch.randn(300, 3, generator=generator) * torch.tensor([1.0, 100.0, 0.0]), labels


def test_separate_clusters_are_told_apart_and_shuffled_labels_are_not() -> None:
    counts, labels = clusters()
    fresh, _ = clusters(1)
    assert fit_readout(counts, labels).accuracy(fresh, labels) > 0.98
    shuffled = labels[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    assert fit_readout(counts, shuffled).accuracy(fresh, labels) < 0.75


def test_the_unit_of_a_feature_does_not_matter() -> None:
    counts, labels = clusters()
    scaled = counts * torch.tensor([1000.0, 0.001, 1.0])
    assert torch.equal(fit_readout(counts, labels).predict(counts), fit_readout(scaled, labels).predict(scaled))


def test_two_labels_and_labels_that_are_not_consecutive_are_kept() -> None:
    counts, labels = clusters()
    two = labels < 2
    readout = fit_readout(counts[two], labels[two] * 7 + 2)
    assert isinstance(readout, Readout)
    assert readout.labels.tolist() == [2, 9]
    assert readout.accuracy(counts[two], labels[two] * 7 + 2) > 0.98


@pytest.mark.parametrize(
    ("counts", "labels", "sentence"),
    [
        (torch.ones(4), torch.ones(4).long(), r"wanted are features \[sample, unit\].* shape \(4,\)"),
        (torch.ones(4, 2) * torch.nan, torch.ones(4).long(), "the features have NaN"),
        (torch.ones(4, 2), torch.ones(3).long(), "wanted are 4 labels, one per sample"),
        (torch.ones(4, 2), torch.ones(4), "labels are integers, not torch.float32"),
        (torch.ones(4, 2), torch.ones(4).long(), "one label only"),
    ],
)
def test_what_cannot_be_read_out_is_refused_with_a_sentence(counts: torch.Tensor, labels: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_readout(counts, labels)


def test_a_readout_says_what_does_not_fit_it() -> None:
    counts, labels = clusters()
    readout = fit_readout(counts, labels)
    with pytest.raises(ValueError, match="fitted to 3 units, these counts have 2"):
        readout.predict(counts[:, :2])
    with pytest.raises(ValueError, match="wanted are 300 labels"):
        readout.accuracy(counts, labels[:5])
    with pytest.raises(ValueError, match=r"fit_readout\(penalty=0\): it must be positive"):
        fit_readout(counts, labels, penalty=0)


def several(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples with two of four classes, each class seen in a unit of its own."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(400, 4).long().scatter_(1, torch.rand(400, 4, generator=generator).topk(2).indices, 1)
    return 3.0 * labels + torch.randn(400, 4, generator=generator), labels


def test_of_several_classes_in_a_sample_each_has_a_regression_of_its_own() -> None:
    counts, labels = several()
    fresh, theirs = several(1)
    readout = fit_readout(counts, labels)
    assert readout.accuracy(fresh, theirs) > 0.95
    assert readout.accuracy(fresh, theirs.roll(1, 0)) < 0.6
    alone = fit_readout(counts, labels[:, 2])
    # of two labels the scores are half the log-odds each way
    torch.testing.assert_close(readout.scores(fresh)[:, 2], 2 * alone.scores(fresh)[:, 1])


def test_the_share_of_one_class_a_sample_is_the_same_written_either_way() -> None:
    counts, labels = clusters()
    readout = fit_readout(counts, labels)
    assert readout.accuracy(counts, labels) == readout.accuracy(counts, torch.nn.functional.one_hot(labels))


def test_a_class_that_is_in_no_sample_is_never_named_before_one_that_is() -> None:
    counts, labels = several()
    labels[:, 3] = 0
    readout = fit_readout(counts, labels)
    assert not readout.weight[3].any()
    assert float(readout.bias[3]) < -6
    assert not bool((readout.predict(counts) == 3).any())


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (torch.full((4, 3), 2), r"labels \[sample, class\] are 1 where the class is in the sample, else 0; these go from 2 to 2"),
        (torch.ones(3, 4).long(), r"wanted are 4 labels, one per sample, or 0 and 1 for each class, \[4, class\]; not .* \(3, 4\)"),
        (torch.ones(4, 3), "labels are integers, not torch.float32"),
    ],
)
def test_several_labels_that_are_none_are_refused_with_a_sentence(labels: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_readout(torch.ones(4, 2), labels)
