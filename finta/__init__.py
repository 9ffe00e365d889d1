"""The FINTA autoencoder as an application: its architecture's sizes, its pair of models, its commands."""
