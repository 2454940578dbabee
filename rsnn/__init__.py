"""Recurrent spiking networks: heterogeneous neurons, spike-timing dependent plasticity and surrogate gradients on one object."""
