"""HTTP views: requests in, responses out."""
