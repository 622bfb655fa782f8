"""What touches the process and the machine: terminal, signals, ports, threads, the checkout that runs."""
