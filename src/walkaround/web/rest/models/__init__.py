"""Models over REST: trained, watched while they learn, measured, compared, hosted, asked, taken away."""
