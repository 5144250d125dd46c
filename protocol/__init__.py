"""What travels between a camera unit and its department: hits, acknowledgements, receipts, signed requests."""
