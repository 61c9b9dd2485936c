"""The benchmarks: this service beside the best simple thing that does part of its work, both in the same run."""
