"""Study files: what is wrong in one is said in one sentence, with what would do."""

import pytest

from synctopo.catalog import RSNNSpec
from synctopo.study import Study

pytestmark = pytest.mark.smoke

GOOD = """
name = "small"
question = "Does it run?"
seeds = [0, 1]
[data]
name = "digits"
train = 200
test = 80
[defaults]
family = "mlp"
hidden = [16]
[models.plain]
[models.trained]
learning = { rule = "adam", epochs = 2 }
[compare]
contrasts = [["plain", "trained"]]
[sizes.tiny]
seeds = [0]
"data.train" = 50
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_study_is_read(write):
    study = Study.load(write(GOOD))
    assert list(study.models) == ["plain", "trained"]
    assert study.models["trained"].learning.epochs == 2
    assert study.seeds == (0, 1)
    assert study.unroll is None


def test_a_size_replaces_what_it_names_and_nothing_else(write):
    study = Study.load(write(GOOD), size="tiny")
    assert (study.seeds, study.data.train, study.data.test) == ((0,), 50, 80)


def test_a_change_on_the_command_line_comes_last(write):
    study = Study.load(write(GOOD), size="tiny", changes=["data.train=60", "seeds=[4, 5, 6]", "models.trained.learning.epochs=7"])
    assert (study.data.train, study.seeds, study.models["trained"].learning.epochs) == (60, (4, 5, 6), 7)


def test_a_model_inherits_the_defaults_but_not_another_kind_of_learning(write):
    text = GOOD.replace("hidden = [16]", 'hidden = [16]\nlearning = { rule = "adam", epochs = 9 }')
    text = text.replace("[models.plain]", '[models.plain]\nlearning = { rule = "none" }')
    models = Study.load(write(text)).models
    assert models["plain"].learning.rule == "none"
    assert models["trained"].learning.epochs == 2


def test_a_parameter_can_be_a_distribution(write):
    text = GOOD.replace('family = "mlp"\nhidden = [16]', 'family = "rsnn"\nunits = 10').replace(
        '[models.trained]\nlearning = { rule = "adam", epochs = 2 }',
        '[models.trained.neuron]\ntau_mem = { distribution = "gamma", mean = 20.0, cv = 0.5 }',
    )
    spec = Study.load(write(text)).models["trained"]
    assert isinstance(spec, RSNNSpec)
    assert spec.neuron.built().tau_mem.cv == 0.5


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[data]", "[dta]", "no key 'dta' in .*study.toml; the nearest is 'data'"),
        ("train = 200", "trian = 200", "no key 'trian' in data; the nearest is 'train'"),
        ("train = 200", "", "data.train is missing"),
        ("train = 200", 'train = "many"', "data.train is 'many'; wanted: a valid integer"),
        ("train = 200", "train = -3", "data.train is -3; wanted: greater than or equal to 1"),
        ('name = "digits"', 'name = "digit"', "no data set 'digit'; the nearest is 'digits'"),
        ('family = "mlp"', 'family = "mpl"', "no model family 'mpl' in models.plain; the nearest is 'mlp'"),
        ('family = "mlp"', "", "models.plain.family is missing; there are: .*rsnn"),
        ("hidden = [16]", "hiden = [16]", "no key 'hiden' in models.plain; the nearest is 'hidden'"),
        ("epochs = 2", "epoch = 2", "no key 'epoch' in models.trained.learning.*; the nearest is 'epochs'"),
        ('rule = "adam"', 'rule = "adma"', "models.trained.learning is .*'adam'"),
        ('["plain", "trained"]', '["plain", "train"]', "no model 'train' in compare.contrasts; the nearest are 'trained'"),
        ("[compare]", '[compare]\nmeasures = ["rdt"]', "no measure 'rdt'; the nearest are 'rtd'"),
        ("[compare]", "[compare]\nbatch = 1", "compare.batch is 1; wanted: greater than or equal to 2"),
        ("[compare]", '[record]\nreduce = "cuont"\n[compare]', "no reduction 'cuont'; the nearest is 'count'"),
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds are different whole numbers"),
        ("seeds = [0, 1]", "seeds = []", r"seeds is \[\]"),
        ("seeds = [0, 1]", "", "seeds is missing"),
        ('name = "small"', 'name = "../up"', "name is '../up'"),
        ("[data]", "[data", "is no TOML"),
        ("train = 200", "train = nan", "data.train is nan"),
        ("[models.plain]\n[models.trained]", "[other]", "no key 'other'"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_do(write, old, new, sentence):
    assert old in GOOD
    with pytest.raises(ValueError, match=sentence):
        Study.load(write(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("size", "changes", "sentence"),
    [
        ("tny", [], "no size 'tny' in .*; the nearest is 'tiny'"),
        ("", ["data.train"], "a change is written place=value"),
        ("", ["data.trian=5"], "no key 'trian' in data"),
        ("", ["name.x=5"], "name is 'small', so name.x cannot be set in it"),
        ("", ["data.train=x"], "data.train is 'x'"),
    ],
)
def test_sizes_and_changes_that_do_not_fit_are_said(write, size, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Study.load(write(GOOD), size=size, changes=changes)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ValueError, match="there is no study file"):
        Study.load(tmp_path / "nothing.toml")
