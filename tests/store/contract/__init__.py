"""What every store promises, whatever keeps the rows: a class for each of its parts.

A test class of a store inherits them all and gives two fixtures: ``store``, empty, whose ids count
from 1, and ``another``, which opens the same data a second time.
"""
