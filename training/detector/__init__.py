"""The bundled plate detector: data, training, export and evaluation."""
