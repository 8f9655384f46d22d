"""The Keras network and the engines that run it."""
