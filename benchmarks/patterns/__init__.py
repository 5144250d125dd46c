"""What a plate looks like in memory and in what is written: texts, pictures, packets; and planted copies."""
