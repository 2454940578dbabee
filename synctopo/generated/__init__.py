"""Generated data: scenes of objects, images of overlapping digits, Sudoku boards; seeded, with their truth."""
