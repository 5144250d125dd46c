"""Whether it forgets: known plates drive past, and every place where one could be is searched."""
