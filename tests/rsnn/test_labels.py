"""Labels: of k classes the k highest scores count, one class is a case of several, and what is no label is said."""

import pytest
import torch

from rsnn.labels import Named, check_labels, cross_entropy, named


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def test_of_k_classes_the_k_highest_scores_count() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0], [5.0, 1.0, 1.0, 0.0]])
    labels = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]])
    found = named(scores, labels)
    assert found == Named(right=3, classes=5, whole=1, total=3)
    assert found.each == pytest.approx(0.6)
    assert found.all == pytest.approx(1 / 3)


def test_one_class_a_sample_counts_the_same_written_either_way() -> None:
    # whole numbers, so that there are ties
    scores = torch.randint(0, 3, (200, 4), generator=seeded()).float()
    labels = torch.randint(0, 4, (200,), generator=seeded())
    found = named(scores, labels)
    assert found == named(scores, torch.nn.functional.one_hot(labels, 4))
    assert (found.right, found.classes) == (int((scores.argmax(1) == labels).sum()), 200)


def test_the_loss_of_one_class_is_the_usual_one_and_of_several_a_yes_or_no_for_each() -> None:
    scores = torch.randn(6, 3, generator=seeded(), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    assert float(cross_entropy(scores, labels)) == pytest.approx(float(-scores.log_softmax(1)[torch.arange(6), labels].mean()))
    several = torch.tensor([[1, 1, 0]] * 6)
    chance = torch.where(several > 0, scores, -scores).sigmoid()
    assert float(cross_entropy(scores, several)) == pytest.approx(float(-chance.log().mean()))


def test_labels_that_fit_are_integers_afterwards() -> None:
    assert check_labels(torch.tensor([0, 1], dtype=torch.uint8), 2, 3).dtype == torch.int64
    assert check_labels(torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8), 2, 2).tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (torch.zeros(3, 4).long(), r"wanted are 3 labels, one per sample, or 0 and 1 for each class, \[3, 2\]; not .* shape \(3, 4\)"),
        (torch.zeros(3, 2).long(), "are 1 where the class is in the sample, else 0; these go from 0 to 0"),
        (torch.full((3, 2), 2), "these go from 2 to 2"),
        (torch.ones(3, 2), "not torch.float32"),
    ],
)
def test_what_is_no_label_is_refused_with_a_sentence(labels: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_labels(labels, 3, 2)


@pytest.mark.parametrize("of", [named, cross_entropy])
def test_labels_of_another_shape_than_the_scores_are_refused(of) -> None:
    with pytest.raises(ValueError, match=r"scores \[3, 2\] are held against .*; got labels \[3, 5\]"):
        of(torch.zeros(3, 2), torch.zeros(3, 5).long())
