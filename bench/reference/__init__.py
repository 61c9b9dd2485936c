"""What the service is held against: each as good as a few lines can honestly be, its choices in its docstring."""
