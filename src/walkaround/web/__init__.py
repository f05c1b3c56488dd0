"""The doors of the service: one port for the AWS API, the REST API, health and metrics."""
