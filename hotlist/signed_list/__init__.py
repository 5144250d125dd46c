"""The signed, sealed list file: its bytes, its signatures, whether it may be trusted, and where it is kept."""
