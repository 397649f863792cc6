"""The torch side: the equivalent torch.nn model, and what it answers, value ± radius."""
