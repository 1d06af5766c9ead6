"""Picture sets: where they are, what their pictures must be, and whether they are that."""
