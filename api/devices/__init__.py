"""Camera units: registered, enrolled, heard of, revoked."""
