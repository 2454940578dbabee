"""Study files: what is wrong in one is said in one sentence, with what would do."""

import pytest

from synctopo.families.spiking import RSNNSpec
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
        ("train = 200", "train = -3", "data.train is -3; wanted: greater than or equal to 0"),
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
        (
            'family = "mlp"\nhidden = [16]',
            'family = "rsnn"\nunits = 9\nneuron = { tau_mem = -1.0 }',
            r"models.plain.neuron: LIF\(tau_mem=-1.0\)",
        ),
        ("[compare]", '[record]\nsites = ["hiden1"]\n[compare]', "no site 'hiden1' in models.plain.*; the nearest is 'hidden1'"),
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
        ("", ["data.train='120'"], "data.train is '120'; wanted: a number without quotes"),
        ("", ["data.train=true"], "data.train is True; wanted: a number, not true or false"),
        ("", ["seeds=[true]"], "wanted: a number, not true or false"),
        ("", ["models.trained.learning.batch=99999999999999999999"], "wanted: a number below 2.63"),
        ("", ["data.seed=4294967296"], "data.seed is 4294967296; wanted: less than"),
        ("", ["datta.train=5"], "no key 'datta' in the study; the nearest is 'data'"),
        ("", [".data=5"], "a change is written place=value"),
        ("", ["sizes.tiny.seeds=5"], "choose a size with --size"),
        ("", ["seeds=3"], "seeds is 3; wanted: a list, in square brackets"),
        ("", ["models.trained.learning={}"], "wanted: a table with the key 'rule'"),
        ("", ["models.trained.learning=adam"], "wanted: a table, such as"),
        ("", ["models.trained.family=[1]"], "no model family '.1.' in models.trained"),
        ("", ["compare.measures=[]"], "compare.measures is ..; wanted: at least 1"),
        ("", ["compare.measures=['rtd', 'rtd']"], "names 'rtd' more than once"),
        ("", ["record.sites=[]"], "record.sites is ..; wanted: at least 1"),
        ("", ["compare.contrasts=[['plain', 'plain']]"], "compares 'plain' with itself"),
        ("", ["compare.contrasts=[['plain']]"], "it is too short"),
    ],
)
def test_sizes_and_changes_that_do_not_fit_are_said(write, size, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Study.load(write(GOOD), size=size, changes=changes)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("{ distribution = 'gama', mean = 2, cv = 1 }", "tau_mem.distribution is 'gama'; wanted: 'gamma'"),
        ("{ distribution = 'gamma', mean = 2, cv = 1, x = 1 }", "no key 'x' in models.trained.neuron.tau_mem; there are: cv"),
        ("{}", "tau_mem.distribution is missing"),
    ],
)
def test_what_is_wrong_in_a_distribution_is_said_of_the_distribution(write, value, sentence):
    changes = ["models.trained={family = 'rsnn', units = 5}", "defaults={}", "models.plain={family = 'mlp', hidden = [3]}"]
    with pytest.raises(ValueError, match=sentence):
        Study.load(write(GOOD), changes=[*changes, f"models.trained.neuron.tau_mem={value}"])


@pytest.mark.parametrize("name", ["", "  ", "two\\nlines"])
def test_a_condition_has_a_name_of_one_printable_line(write, name):
    with pytest.raises(ValueError, match="a name of one printable line"):
        Study.load(write(GOOD.replace("[models.plain]", f'[models."{name}"]').replace('"plain"', '"trained"')))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ValueError, match="there is no study file"):
        Study.load(tmp_path / "nothing.toml")
