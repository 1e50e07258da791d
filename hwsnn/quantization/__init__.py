"""From a float network to an integer one: scales, rounding, and a report of what they cost."""
