"""Evaluation: how right a model is, step by step, under corruption and attack, how sure of it, and how it takes scenes apart."""
