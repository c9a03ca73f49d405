"""The models on disk and the engines that have them loaded."""
