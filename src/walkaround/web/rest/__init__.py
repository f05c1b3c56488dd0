"""The REST API: projects, datasets, pictures, labels, models, results, trial detections and jobs."""
