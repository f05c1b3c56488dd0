"""Jobs in which a model looks at pictures, hosted or not: trial detections and drafts."""
