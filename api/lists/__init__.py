"""The hot list in the service: proposed, approved, signed, published, and its entries in force."""
