"""The convolution and the pool under the names of the fast ones: those of layers.py work on whole arrays already."""

from .layers import conv_backward_naive as conv_backward_fast
from .layers import conv_forward_naive as conv_forward_fast
from .layers import max_pool_backward_naive as max_pool_backward_fast
from .layers import max_pool_forward_naive as max_pool_forward_fast

__all__ = ["conv_backward_fast", "conv_forward_fast", "max_pool_backward_fast", "max_pool_forward_fast"]
