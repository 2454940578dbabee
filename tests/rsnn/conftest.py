"""One thread per test process: the layers are small, and several processes share the cores."""

import torch

torch.set_num_threads(1)
