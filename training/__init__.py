"""How the bundled models were made; no part of the wheel."""
