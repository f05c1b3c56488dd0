"""Where things arrive: folders and buckets that are listed, queues that are read, and the threads that look at them."""
