"""A hit's life in the service: taken in, read blind, compared, confirmed or refuted, and destroyed."""
