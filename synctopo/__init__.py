"""Record what models do, compare it by topology and by its neighbours, and write the tables."""
