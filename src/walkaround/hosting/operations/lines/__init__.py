"""What lines of manifests and findings say, without any rows: places, labels, who labelled, what a model proposes."""
