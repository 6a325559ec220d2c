"""What puts billing around things that you have: model clients, tool servers, web frameworks. Each is optional."""
