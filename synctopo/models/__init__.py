"""The model families, and the one contract between them and the suite."""
