"""The two consoles of ``alpr-edge``: what it answers, and what it says beside that. Light to import."""

from rich.console import Console

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
