"""The homework's network in torch: its model, what torch answers for it, its training, and perturbed copies of that."""
