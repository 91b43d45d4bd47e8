"""Jobs over stored data: runs the job that an event names."""
