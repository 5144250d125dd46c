"""The local hot list: its entries, its signed file, who may be trusted, and matching against it."""
