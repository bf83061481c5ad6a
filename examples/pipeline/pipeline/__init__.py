"""A small intrusion-detection pipeline on synthetic CAN-bus traffic: autoencoder, curriculum, fusion, evaluation."""
