"""Where results go: buckets, DynamoDB tables, and webhooks; each takes the same result any number of times as one."""
