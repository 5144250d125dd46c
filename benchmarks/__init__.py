"""Evidence for every claim: one command, one report. Not part of the wheel."""
