"""Figures: drawn without a screen, legible in print and by every kind of colour vision, the same bytes for the same values."""

from synctopo.figures.activity import phase_map, raster
from synctopo.figures.bound import named_over_images, named_over_steps
from synctopo.figures.courses import course, foresight
from synctopo.figures.models import clustered_matrix, layer_profile, model_map, rtd_matrix, scaled
from synctopo.figures.oscillators import board_course, boards_over_steps, energy_over_steps, groups_beside_objects, reliability_diagram
from synctopo.figures.phases import phase_directions, phase_steps, scene_gallery
from synctopo.figures.resilience import accuracy_over_steps
from synctopo.figures.time import over_training, time_matrix, time_profile
from synctopo.figures.topology import barcode, cross_barcodes, localisation
from synctopo.figures.unrolled import unrolled_graph
from synctopo.figures.writing import FORMATS, Drawn, save, write

__all__ = [
    "FORMATS",
    "Drawn",
    "accuracy_over_steps",
    "barcode",
    "board_course",
    "boards_over_steps",
    "clustered_matrix",
    "course",
    "cross_barcodes",
    "energy_over_steps",
    "foresight",
    "groups_beside_objects",
    "layer_profile",
    "localisation",
    "model_map",
    "named_over_images",
    "named_over_steps",
    "over_training",
    "phase_directions",
    "phase_map",
    "phase_steps",
    "raster",
    "reliability_diagram",
    "rtd_matrix",
    "save",
    "scaled",
    "scene_gallery",
    "time_matrix",
    "time_profile",
    "unrolled_graph",
    "write",
]
