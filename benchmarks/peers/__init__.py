"""Who is measured: each module configures and runs one peer, and knows nothing of the workloads."""
