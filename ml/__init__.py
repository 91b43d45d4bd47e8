"""Training and evaluation: everything that needs scikit-learn, and nothing that runs in the cloud path."""
