"""How the shipped weights are made: data drawn by code, training, export and evaluation; not in the wheel."""
