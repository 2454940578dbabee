"""The model families as study files write them, one to a file: specification, building, input, training, judging."""
