"""What can be asked over HTTP and WebSocket, one file per subject."""
