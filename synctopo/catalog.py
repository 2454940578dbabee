"""The catalogue: the one place where the words of a study file become objects."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from snntorch.surrogate import atan, fast_sigmoid
from torch import Tensor, nn

import rsnn
from synctopo import coders, maps, reduction
from synctopo.learning import AdamLearning, NoLearning, classifier_fitted
from synctopo.maps import Maps
from synctopo.models import MLP, MovedPoints, points
from synctopo.naming import unknown
from synctopo.reduction import Reduction
from synctopo.spec import Spec, parsed
from synctopo.training import stream


class DistributionSpec(Spec):
    """A parameter that differs from neuron to neuron, or from synapse to synapse."""

    distribution: Literal["gamma", "lognormal", "uniform"]
    mean: float = Field(gt=0)
    cv: float = Field(ge=0)

    def drawn_from(self) -> rsnn.Gamma | rsnn.LogNormal | rsnn.Uniform:
        if self.distribution == "uniform":
            return rsnn.Uniform(self.mean, self.cv)
        return rsnn.Gamma(self.mean, self.cv) if self.distribution == "gamma" else rsnn.LogNormal(self.mean, self.cv)


Parameter = float | DistributionSpec


def _parameter(value: Parameter) -> Any:
    return value.drawn_from() if isinstance(value, DistributionSpec) else value


class LIFSpec(Spec):
    """neuron = { ... }: a current-based leaky integrate-and-fire neuron; times in ms, voltage in units of threshold."""

    tau_mem: Parameter = 20.0
    tau_syn: Parameter | None = 10.0
    threshold: Parameter = 1.0
    refractory: Parameter = 0.0
    reset: Literal["subtract", "zero"] = "subtract"

    def built(self) -> rsnn.LIF:
        return rsnn.LIF(
            tau_mem=_parameter(self.tau_mem),
            tau_syn=None if self.tau_syn is None else _parameter(self.tau_syn),
            threshold=_parameter(self.threshold),
            refractory=_parameter(self.refractory),
            reset=rsnn.Reset(self.reset),
        )


class EncoderSpec(Spec):
    """encoder = { ... }: how pixels become spikes or currents, [sample, time, pixel]."""

    code: Literal["poisson", "latency", "constant"] = "poisson"
    steps: int = Field(default=50, ge=1)
    rate_max: float = Field(default=100.0, gt=0)
    """Hz, of a white pixel (poisson)."""

    def encode(self, pixels: Tensor, dt: float, generator: torch.Generator) -> Tensor:
        if self.code == "poisson":
            return rsnn.encode.poisson(pixels, self.steps, rate_max=self.rate_max, dt=dt, generator=generator)
        if self.code == "latency":
            return rsnn.encode.latency(pixels, self.steps)
        return rsnn.encode.constant(pixels, self.steps)


class STDPLearning(Spec):
    """learning = { rule = "stdp", ... }: pair STDP of the recurrent weights, kept alive by normalisation and adaptive thresholds."""

    rule: Literal["stdp"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    a_plus: Parameter = 0.01
    a_minus: Parameter = 0.012
    tau_plus: Parameter = 20.0
    tau_minus: Parameter = 20.0
    w_max: float = Field(default=1.0, gt=0)
    pairing: Literal["all to all", "nearest"] = "all to all"
    mu_plus: float = Field(default=0.0, ge=0)
    """How strengthening depends on the weight: 0 additive, 1 a soft bound, between them the power law; `mu_minus` the same of weakening."""
    mu_minus: float = Field(default=0.0, ge=0)

    def built(self) -> rsnn.PairSTDP:
        return rsnn.PairSTDP(
            a_plus=_parameter(self.a_plus),
            a_minus=_parameter(self.a_minus),
            tau_plus=_parameter(self.tau_plus),
            tau_minus=_parameter(self.tau_minus),
            w_max=self.w_max,
            pairing=rsnn.Pairing(self.pairing),
            mu_plus=self.mu_plus,
            mu_minus=self.mu_minus,
        )


class TripletLearning(Spec):
    """learning = { rule = "triplet", ... }: triplet STDP by a published fit, its amplitudes times `scale`; else as "stdp"."""

    rule: Literal["triplet"]
    supervised: ClassVar[bool] = False
    epochs: int = Field(default=1, ge=1)
    fit: Literal["visual cortex", "hippocampus"] = "visual cortex"
    scale: float = Field(default=1.0, gt=0)
    w_max: float = Field(default=1.0, gt=0)

    def built(self) -> rsnn.TripletSTDP:
        fit = rsnn.TripletSTDP.visual_cortex if self.fit == "visual cortex" else rsnn.TripletSTDP.hippocampus
        return fit(scale=self.scale, w_max=self.w_max)


class BPTTLearning(Spec):
    """learning = { rule = "bptt", ... }: surrogate gradients through time (Adam, cross-entropy of a leaky read-out)."""

    rule: Literal["bptt"]
    supervised: ClassVar[bool] = True
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    surrogate: Literal["fast_sigmoid", "atan"] = "fast_sigmoid"
    slope: float = Field(default=25.0, gt=0)
    """Steepness of the surrogate (snntorch's slope, or alpha)."""

    def step(self) -> Callable[[Tensor], Tensor]:
        """The step function of a spike with the gradient of the surrogate."""
        return fast_sigmoid(self.slope) if self.surrogate == "fast_sigmoid" else atan(self.slope)


class RSNNSpec(Spec):
    """[models.NAME] with family = "rsnn": a recurrent spiking network."""

    family: Literal["rsnn"]
    units: int = Field(ge=1)
    connectivity: float = Field(default=0.1, gt=0, le=1)
    input_connectivity: float = Field(default=1.0, gt=0, le=1)
    dt: float = Field(default=1.0, gt=0)
    input_scale: float = Field(default=3.0, ge=0)
    recurrent_scale: float = Field(default=1.0, ge=0)
    neuron: LIFSpec = LIFSpec()
    encoder: EncoderSpec = EncoderSpec()
    learning: Annotated[NoLearning | STDPLearning | TripletLearning | BPTTLearning, Field(discriminator="rule")] = NoLearning()

    signal: ClassVar[str | None] = "hidden.spikes"
    """The site of the recurrent layer, which can be unrolled."""

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return "hidden.spikes"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("hidden.spikes", "hidden.voltage", "hidden.current", "hidden.trace", "readout")


class MLPSpec(Spec):
    """[models.NAME] with family = "mlp": a perceptron with rectified hidden layers."""

    family: Literal["mlp"]
    hidden: tuple[int, ...] = Field(min_length=1)
    signal: ClassVar[str | None] = None

    @property
    def main_site(self) -> str:
        """The site that is recorded and read out where a study names none."""
        return f"hidden{len(self.hidden)}"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return (*(f"hidden{k + 1}" for k in range(len(self.hidden))), "readout")

    learning: Annotated[NoLearning | AdamLearning, Field(discriminator="rule")] = NoLearning()


class PointsSpec(Spec):
    """[models.NAME] with family = "points": the points of the data set `clusters` or `rings`, moved; nothing is learned."""

    family: Literal["points"]
    shape: Literal["clusters", "rings"]
    count: int = Field(ge=1)
    """How many places the groups are moved to, or how many rings have one radius."""
    signal: ClassVar[str | None] = None
    learning: NoLearning = NoLearning()

    @property
    def main_site(self) -> str:
        """The site that is recorded where a study names none."""
        return "points"

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of the model."""
        return ("points",)


ModelSpec = RSNNSpec | MLPSpec | PointsSpec | coders.CNNSpec | coders.PredictiveSpec


@dataclass(frozen=True)
class Family:
    """What the pipeline needs to know of a model family.

    build   (spec, image shape, classes, seed) -> module that is a Model
    inputs  (spec, images [sample, row, column], generator) -> what the model takes
    fit     (spec, model, x, labels, seed) -> a summary of the training; the model's weights change
    judged  (spec, model, test x, test labels, generator) -> columns of the model's row, in place of a fitted read-out and spiking activity;
            None: those
    apart   fields of the specification that no training depends on: models that differ in them alone are trained once
    """

    spec: type[Spec]
    build: Callable[[Any, tuple[int, int], int, int], nn.Module]
    inputs: Callable[[Any, np.ndarray, torch.Generator], Tensor]
    fit: Callable[[Any, Any, Tensor, Tensor, int], dict[str, Any]]
    judged: Callable[[Any, Any, Tensor, np.ndarray, torch.Generator], dict[str, Any]] | None = None
    apart: frozenset[str] = frozenset()


def _build_rsnn(spec: RSNNSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return rsnn.RSNN(
        shape[0] * shape[1],
        spec.units,
        classes,
        neuron=spec.neuron.built(),
        connectivity=_connectivity(spec.connectivity),
        input_connectivity=_connectivity(spec.input_connectivity),
        dt=spec.dt,
        input_scale=spec.input_scale,
        recurrent_scale=spec.recurrent_scale,
        surrogate=spec.learning.step() if isinstance(spec.learning, BPTTLearning) else fast_sigmoid(),
        generator=stream(seed, "weights"),
    )


def _connectivity(probability: float) -> rsnn.Dense | rsnn.Sparse:
    return rsnn.Dense() if probability == 1 else rsnn.Sparse(probability)


def _spikes(spec: RSNNSpec, images: np.ndarray, generator: torch.Generator) -> Tensor:
    return spec.encoder.encode(torch.from_numpy(images).flatten(1), spec.dt, generator)


def _fit_rsnn(spec: RSNNSpec, net: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    learning = spec.learning
    if isinstance(learning, STDPLearning | TripletLearning):
        return asdict(rsnn.fit_stdp(net, x, learning.built(), epochs=learning.epochs, generator=stream(seed, "synapses")))
    if isinstance(learning, BPTTLearning):
        history = rsnn.fit_bptt(
            net,
            x,
            y,
            epochs=learning.epochs,
            batch=learning.batch,
            learning_rate=learning.learning_rate,
            generator=stream(seed, "order"),
        )
        return asdict(history)
    return {}


def _build_mlp(spec: MLPSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    return MLP(shape[0] * shape[1], spec.hidden, classes, generator=stream(seed, "weights"))


def _pixels(_spec: MLPSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(images).flatten(1)


def _fit_mlp(spec: MLPSpec, model: Any, x: Tensor, y: Tensor, seed: int) -> dict[str, Any]:
    return classifier_fitted(spec.learning, model, x, y, seed)


def _build_points(spec: PointsSpec, _shape: tuple[int, int], _classes: int, _seed: int) -> nn.Module:
    return MovedPoints({"clusters": points.clusters, "rings": points.rings}[spec.shape](spec.count))


def _as_points(_spec: PointsSpec, images: np.ndarray, _generator: torch.Generator) -> Tensor:
    return torch.from_numpy(images).flatten(1)


def _fit_nothing(_spec: PointsSpec, _model: Any, _x: Tensor, _y: Tensor, _seed: int) -> dict[str, Any]:
    return {}


FAMILIES: dict[str, Family] = {
    "rsnn": Family(RSNNSpec, _build_rsnn, _spikes, _fit_rsnn),
    "mlp": Family(MLPSpec, _build_mlp, _pixels, _fit_mlp),
    "points": Family(PointsSpec, _build_points, _as_points, _fit_nothing),
    "cnn": Family(coders.CNNSpec, coders.build_cnn, coders.images, coders.fit_cnn, coders.judged, coders.CNN_APART),
    "predictive": Family(
        coders.PredictiveSpec,
        coders.build_predictive,
        coders.images,
        coders.fit_predictive,
        coders.judged,
        coders.PREDICTIVE_APART,
    ),
}


MAPS: dict[str, Maps] = {m.name: m for m in (maps.flatten, maps.pool, maps.positions)}


def model_spec(table: Mapping[str, Any], where: str) -> ModelSpec:
    """The specification of a model in a study's table. Raises ValueError for an unknown family, key or value, with the nearest known."""
    if "family" not in table:
        raise ValueError(f"{where}.family is missing; there are: {', '.join(sorted(FAMILIES))}.")
    if not isinstance(table["family"], str) or table["family"] not in FAMILIES:
        raise unknown("model family", table["family"], FAMILIES, f"in {where}")
    found: Any = parsed(FAMILIES[table["family"]].spec, table, where)
    if isinstance(found, RSNNSpec):
        try:
            found.neuron.built()
        except ValueError as error:
            raise ValueError(f"{where}.neuron: {error}") from None
    if isinstance(found, coders.CNNSpec | coders.PredictiveSpec):
        coders.check(found, where)
    return found


def reduction_named(name: str) -> Reduction:
    """The reduction over time of that name, such as "count" or "window(10,20)". Raises ValueError with the nearest names for another."""
    return reduction.named(name)


def build(spec: ModelSpec, shape: tuple[int, int], classes: int, seed: int) -> nn.Module:
    """The model of a specification, its weights drawn from `seed`: the same bytes for the same seed."""
    return FAMILIES[spec.family].build(spec, shape, classes, seed)
