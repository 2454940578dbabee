"""Learning: how models are trained, with or without labels, and how a training that was stopped goes on."""
