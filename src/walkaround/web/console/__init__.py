"""The console: pages in the browser that are clients of the REST API, and nothing else."""
