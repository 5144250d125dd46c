"""What travels between a camera unit and its department, and the one place where each form is defined."""
