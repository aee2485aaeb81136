"""How steps run: one after the other in one task, with what each has done remembered outside of its process."""
