"""What `parity` says where no command is named: what to do first."""

FIRST_STEPS = """\
Parity says whether a hand-written numpy network agrees with the equivalent
torch.nn model, and if not, what is wrong with it. To begin:

  parity check --shipped              a verdict on the network that is shipped
  parity check my-homework            your folder with neural_networks.py in it
  parity grade export.zip --dry-run   a class: who would be graded as whom
  parity hold pairs.py                any function of yours against torch's
  parity new-assignment layers.py     a course of your own, from its functions
  parity doctor                       what this machine has for Parity

`parity --help` lists every command, `parity check --help` explains one.
"""
