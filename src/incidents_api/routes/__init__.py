"""The HTTP faces: read the request, call one function below, hand back its bytes."""
