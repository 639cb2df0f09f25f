"""The jobs: load, compose, deliver. Each names what it needs of the store as a small Protocol."""
