"""The region model: which state or country issued a plate, from its crop in colour."""
