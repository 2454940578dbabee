"""The gallery: which figures a study has, from its rows, and what each shows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synctopo import figures
from synctopo.study import Study
from synctopo.tables.bound import scene_rows
from synctopo.tables.corrupted import judged_rows
from synctopo.tables.courses import course_rows
from synctopo.tables.pivots import mean_matrix
from synctopo.tables.selection import Row, at_one_step, held, measures_within, ordered
from synctopo.tables.solved import tried
from synctopo.tables.spoilt import spoilt_rows


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its files and a sentence that says what it shows."""

    name: str
    caption: str
    drawn: figures.Drawn

    @property
    def wide(self) -> bool:
        """Whether it is too wide to be read on a telephone without scrolling."""
        return bool(self.drawn.figure.get_figwidth() > 5.5)

    def write(self, folder: Path) -> None:
        """Write it in every format."""
        self.drawn.write(folder, self.name)


def pictures(study: Study, rows: Sequence[Row]) -> list[Picture]:
    """The figures of a study, the general before the particular."""
    return (
        _compared(study, rows)
        + _resilience(rows, list(study.models))
        + _boards(rows, list(study.models))
        + _scenes(study, rows)
        + _spoilt(rows, list(study.models))
        + _courses(rows, list(study.models))
    )


def _compared(study: Study, rows: Sequence[Row]) -> list[Picture]:
    every = [r for r in rows if r["kind"] == "pair"]
    pairs = at_one_step(every)
    if not pairs:
        return []
    conditions = list(study.models)
    contrasts = study.compare.contrasts
    sites = ordered(r["site_a"] for r in pairs)
    random = [s for s in sites if s.startswith("random.")]
    layers = [s for s in sites[1:] if s not in random]
    found: list[Picture] = []
    for measure in study.compare.measures:
        here = [r for r in pairs if r["measure"] == measure and r["site_a"] == sites[0]]
        if not here:
            continue
        found.append(_matrix(here, conditions, measure, sites[0]))
        if measure == study.compare.measures[0]:
            found += _map(here, conditions, measure, sites[0])
        if contrasts and any(r["time_a"] is not None for r in every):
            site = every[0]["site_a"]
            title = f"{measure} over time at {site}"
            drawn = figures.time_profile(every, contrasts, measure=measure, site=site, title=title)
            caption = f"{title}, both models at the same step: mean over pairs of different seeds, band: one standard deviation."
            found.append(_picture(f"{measure}_time", caption, drawn))
        titles = {
            "layers": (layers, "along the layers of the unrolled network (betweenness partition)"),
            "random": (random, "control: random partitions of the same sizes"),
        }
        for kind, (chosen, text) in titles.items():
            if chosen and contrasts:
                figure = figures.layer_profile(pairs, contrasts, measure=measure, sites=chosen, title=f"{measure} {text}")
                caption = f"{measure} {text}: mean over pairs of different seeds, bars: one standard deviation."
                found.append(_picture(f"{measure}_{kind}", caption, figure))
    return found + _unrolled(rows, contrasts[0] if contrasts else conditions[:1])


def _resilience(rows: Sequence[Row], conditions: Sequence[str]) -> list[Picture]:
    judged = judged_rows(rows)
    if not any(len(e["right"]) > 1 for r in judged for e in r["robustness"]):
        return []
    caption = (
        "Accuracy after each step: mean over seeds, band: one standard deviation, bar at the end: 95 % interval of Wilson for the mean, "
        "over the test images alone; level lines are of models without steps."
    )
    return [_picture("robustness", caption, figures.accuracy_over_steps(judged, conditions))]


def _boards(rows: Sequence[Row], conditions: Sequence[str]) -> list[Picture]:
    every = tried(rows, conditions)
    if not any(len(e["steps"]) > 1 for of_condition in every.values() for entries in of_condition.values() for e in entries):
        return []
    caption = (
        "Boards solved after so many steps at test time: mean over seeds, band: one standard deviation; level lines are of models without "
        "steps; hard boards give fewer digits than any that was learned from."
    )
    return [_picture("boards", caption, figures.boards_over_steps(rows, conditions))]


def _scenes(study: Study, rows: Sequence[Row]) -> list[Picture]:
    judged = scene_rows(rows)
    found: list[Picture] = []
    if any(len(r["scenes"][0]["right"]) > 1 for r in judged):
        caption = (
            "Objects named after each step of the phases, and synchrony within objects: mean over seeds, band: one standard deviation. "
            "What is above the oscillators learned from the phases after the last step."
        )
        found.append(_picture("scenes_steps", caption, figures.named_over_steps(judged, list(study.models))))
    seeds = {c: {r["seed"] for r in judged if r["condition"] == c} for c in study.models}
    lines = [line for line in _by_images(study) if set.intersection(*(seeds[c] for c in line.values()))]
    if lines:
        caption = (
            "Objects named after the last step against the images that were learned from: mean over the seeds that all have, band: one "
            "standard deviation."
        )
        found.append(_picture("scenes_images", caption, figures.named_over_images(judged, lines)))
    return found


def _by_images(study: Study) -> list[dict[int, str]]:
    """Conditions that differ in nothing but how many images they learn from: images -> condition, from the fewest up."""
    alike: dict[str, dict[int, str]] = {}
    for condition, model in study.models.items():
        said = model.model_dump(mode="json")
        images = said.get("learning", {}).pop("images", None) or study.data.train
        alike.setdefault(json.dumps(said, sort_keys=True), {})[images] = condition
    return [dict(sorted(line.items())) for line in alike.values() if len(line) > 1]


def _matrix(here: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> Picture:
    shown = held(here, conditions)
    values = mean_matrix(here, shown)
    off = ~np.eye(len(shown), dtype=bool)
    # a tree needs every distance; a silent model has none
    whole = len(shown) > 2 and np.isfinite(values[off]).all()
    draw = figures.clustered_matrix if whole else figures.rtd_matrix
    order = ", in the order of their dendrogram" if whole else ""
    caption = f"{measure} at {site} between conditions{order}; the diagonal is between seeds of one condition."
    return _picture(f"{measure}_matrix", caption, draw(here, conditions, measure=measure, site=site))


def _spoilt(rows: Sequence[Row], conditions: Sequence[str]) -> list[Picture]:
    here = spoilt_rows(rows)
    if not any(r["measures"] for r in here):
        return []
    caption = (
        "Distance from the clean representation against the accuracy that a read-out of it loses, which is of one kind for all families: a "
        "point for each condition and way of spoiling the images, means over seeds, joined in the order of distance."
    )
    return [_picture("foresight", caption, figures.foresight(rows, conditions))]


def _courses(rows: Sequence[Row], conditions: Sequence[str]) -> list[Picture]:
    found = []
    for along, said in (("steps", "along the steps of each model"), ("training", "along its training")):
        for measure in measures_within(course_rows(rows, along)):
            caption = f"How far the main site is from its end by {measure}, {said}: mean over seeds, band: one standard deviation."
            found.append(_picture(f"course_{along}_{measure}", caption, figures.course(rows, conditions, along=along, measure=measure)))
    return found


def _map(here: Sequence[Row], conditions: Sequence[str], measure: str, site: str) -> list[Picture]:
    models = [(c, s) for c in conditions for s in ordered(str(r[f"seed_{e}"]) for r in here for e in "ab" if r[f"condition_{e}"] == c)]
    place = {model: k for k, model in enumerate(models)}
    distances = np.full((len(models), len(models)), np.nan)
    np.fill_diagonal(distances, 0.0)
    for r in here:
        i, j = (place[r[f"condition_{e}"], str(r[f"seed_{e}"])] for e in "ab")
        if r["value"] is not None:
            distances[i, j] = distances[j, i] = abs(r["value"] - r["identical"])
    if len(models) < 3 or not np.isfinite(distances).all():
        return []
    caption = (
        f"Every trained model as a point, as far apart by {measure} at {site} as a plane allows; stress 0 would be without distortion."
    )
    return [_picture(f"{measure}_map", caption, figures.model_map(distances, [c for c, _ in models], measure=measure))]


def _unrolled(rows: Sequence[Row], conditions: Sequence[str]) -> list[Picture]:
    found: list[Picture] = []
    for condition in conditions:
        mine = [r for r in rows if r["kind"] == "model" and r["condition"] == condition and "edges_mass" in r]
        # layers of unequal sizes cannot be averaged
        if mine and all(r["layers"] == mine[0]["layers"] for r in mine):
            mass = np.mean([np.array(r["edges_mass"]) / np.sum(r["edges_mass"]) for r in mine], axis=0)
            title = f"{condition}: weight between the layers, by its share"
            caption = f"The recurrent layer of {condition} as an auto-encoder; numbers are per cent, means over the seeds."
            name = f"unrolled_{len(found) + 1}"
            found.append(_picture(name, caption, figures.unrolled_graph(mass, mine[0]["layers"], title=title)))
    return found


def _picture(name: str, caption: str, figure: Figure) -> Picture:
    return Picture(name, caption, figures.Drawn.of(figure))
