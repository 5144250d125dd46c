"""The plate reader: generator, training, export and evaluation."""
