"""Made-up cars, drawn by seeded code: pictures, datasets and videos whose damage is known to the pixel."""
