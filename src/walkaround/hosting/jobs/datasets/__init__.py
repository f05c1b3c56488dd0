"""Jobs on datasets: filled, checked and exported, and the processes that read strangers' files for them."""
