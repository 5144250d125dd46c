"""The differential trial: two runs with other plates must leave the same, call by call and byte by byte."""
