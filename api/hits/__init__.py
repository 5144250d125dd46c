"""A hit's life in the service: taken in, alerted on, read blind, compared, and destroyed by its outcome."""
