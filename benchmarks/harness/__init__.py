"""What peers and workloads stand on: cores, processes, meters, the load generator, results and reports."""
