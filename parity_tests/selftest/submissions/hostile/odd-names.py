"""Names in odd encodings. Verdict: crashed."""

_Odd = type("\u202eE\x1b[31m\n::error::<script>=cmd()", (Exception,), {"__str__": lambda self: "\udcff\x00\r\n,=1+1<b>"})


def forward(self, X):
    raise _Odd


relu.forward = forward
relu.forward.__qualname__ = "\u202e<img src=x>\n=cmd()"
