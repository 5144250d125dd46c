"""From pixels to probabilities: the motion gate, the plate detector, the plate reader, crops, and model files."""
