"""Objects by the name of their bucket and key, in folders of this machine, on S3 and what speaks like it, GCS or Azure."""
