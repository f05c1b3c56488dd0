"""The pipeline: pictures and videos put somewhere become findings, rows and files, each once."""
