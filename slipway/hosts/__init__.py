"""Where commands run: this computer, or a machine over SSH, behind one protocol."""
