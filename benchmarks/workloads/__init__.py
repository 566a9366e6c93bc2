"""What is measured: each module runs one family of work against any peer, and knows nothing of how a peer is set up."""
