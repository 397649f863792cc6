"""Rules of linear algebra: systems, inverses, determinants, factorisations, eigenvalues and singular values.

An honest algorithm gives what is right for a matrix off by a few roundings (it is backward stable): by k·u·E in each
element, E being |L||U| or the norms of columns, or by k·u times the largest singular value. What that makes of the
result, the matrix's conditioning, is measured from the matrix in float64 and noted in `Context.conditions`; the
operand's own radius comes in the same way. Where it is as large as the matrix's distance from a singular one, or from
one with equal eigenvalues, radii are infinite. Sources: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*,
ch. 8, 9, 10, 14, 19, 20; G. W. Stewart and J. Sun, *Matrix Perturbation Theory*.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.flow.errors import QuestionError
from reference.flow.freedom import Freedom
from reference.flow.operation import Operation, Radius, rule, wide
from reference.flow.rounding import BY_INVERSE, EXP_ULPS, LOG_ULPS

aten = torch.ops.aten
SWEEPS = 10
"""Roundings a row and a side in units of the largest singular value that orthogonal transformations may take (Users'
Guide of LAPACK, "p(n) is a modestly growing function"): honest ones stay under a tenth of it."""
_NEAR = 0.1
"""Relative moves of a factor up to which what is of second order is bounded here."""


def _matrix(op: Operation, name: str) -> tuple[Tensor, Radius]:
    """An operand in float64 and its radius."""
    if op.context.arithmetic is not None:
        raise QuestionError(f"torch runs {op.func}, which nothing follows in low precision")
    op.memo["own"] = True  # no multiple of its standard deviation is the largest rounding
    return wide(op[name]), op.radius(op[name])


def _zeros_or(r: Radius, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if r is None else r


def _noted(op: Operation, number: Tensor) -> None:
    """Keeps the largest condition number of the batch."""
    name = op.func._schema.name.removeprefix("aten::").strip("_").removeprefix("linalg_").removesuffix("_ex")
    if number.numel():
        worst = float(number.nan_to_num(nan=torch.inf, posinf=torch.inf).amax())
        op.context.conditions[name] = max(worst, op.context.conditions.get(name, 0.0))


def _inverse(op: Operation, a: Tensor) -> Tensor:
    """The inverse, whose condition in the sum norm is noted."""
    found, singular = torch.linalg.inv_ex(a)
    inverse: Tensor = found.masked_fill((singular != 0)[..., None, None], torch.inf)
    _noted(op, _sum_norm(a) * _sum_norm(inverse))
    return inverse


def _sum_norm(a: Tensor) -> Tensor:
    sums: Tensor = a.abs().sum(-2)
    return sums.amax(-1) if sums.shape[-1] else sums.new_zeros(sums.shape[:-1])


def _eliminated(a: Tensor) -> Tensor:
    """E of elimination by rows or columns, and of reflections (Higham, theorems 9.4 and 19.4)."""

    def one_way(a: Tensor) -> Tensor:
        p, lower, upper = torch.linalg.lu(a)
        found: Tensor = torch.maximum(p @ (lower.abs() @ upper.abs()), a.norm(dim=-2, keepdim=True))
        return found

    return torch.maximum(one_way(a), one_way(a.mT).mT)


def _solved(
    op: Operation, inverse: Tensor, own: Tensor, k: int, x: Tensor, r: Radius, s: Radius, b: Tensor | None = None
) -> Tensor:
    """How far x moves that solves Ax = b: (I − M)⁻¹|A⁻¹|((R + kuE)|x| + s), M = |A⁻¹|(R + kuE), for A ± R and b ± s.

    With b what the inverse times it rounds as well.
    """
    inverse, x = inverse.abs(), x.abs()
    unit = op.sums(k)
    moves = own * unit if r is None else own * unit + r
    rows = (inverse @ moves).sum(-1, keepdim=True)
    share = 2 * rows.amax(-2, keepdim=True) if rows.shape[-2] else rows.sum(-2, keepdim=True)
    if op.local:
        found = ((inverse**2) @ ((own**2) @ (x**2))).sqrt() * unit
    else:
        right = moves @ x if s is None else moves @ x + s
        if b is not None:
            right = right + own @ (inverse @ b.abs()) * unit
        first = inverse @ right
        largest = first.amax(-2, keepdim=True) if first.shape[-2] else first
        found = first + 2 * rows * largest / (1 - share)
    return _within(share < 1, found)


def _within(known: Tensor, radius: Tensor) -> Tensor:
    """The radius where that is known, else infinity."""
    return torch.where(known, radius, torch.inf).nan_to_num(nan=torch.inf, posinf=torch.inf)


def _as_columns(op: Operation, a: Tensor, b: Tensor) -> bool:
    """Whether a right-hand side is one vector a matrix, with no axis for several."""
    return b.dim() == 1 or (a.dim() - 1 == b.dim() and b.shape == a.shape[:-1])


def _system(op: Operation, a: Tensor, r: Radius, own: Tensor, k: int, name: str = "B", *, left: bool = True) -> Tensor:
    """The radius of `op.out`, or of its first, that solves AX = B, or XA = B."""
    out = op.out[0] if isinstance(op.out, (tuple, list)) else op.out
    x, b, s = wide(out), wide(op[name]), op.radius(op[name])
    vector = _as_columns(op, a, op[name]) and x.dim() < a.dim()
    if vector:
        x, b, s = x.unsqueeze(-1), b.unsqueeze(-1), None if s is None else s.unsqueeze(-1)
    if not left:
        a, own, x, b = a.mT, own.mT, x.mT, b.mT
        r, s = None if r is None else r.mT, None if s is None else s.mT
    found = _solved(op, _inverse(op, a), own, k, x, r, s, b if op.allows(BY_INVERSE) else None)
    found = found if left else found.mT
    return found.squeeze(-1) if vector else found


@rule(aten._linalg_solve_ex.default)
def solve(op: Operation) -> tuple[Radius, ...]:
    """AX = B by elimination or reflections (Higham, theorem 9.4: 3n roundings of |L||U|)."""
    a, r = _matrix(op, "A")
    _keep_factors(op, op.out[1], a, op.context.shadows.get(op["A"]))
    return _system(op, a, r, _eliminated(a), 3 * a.shape[-1], left=op["left"]), _unknown(op, op.out[1]), None, None


def _unknown(op: Operation, x: Tensor) -> Radius:
    """Of factors that are there for a backward, which finds the matrix that they are of; replicas do not move them."""
    return None if op.local or op.alone or not x.numel() else torch.full(x.shape, torch.inf, dtype=torch.float64)


def _keep_factors(op: Operation, factors: Tensor, a: Tensor, r: Radius) -> None:
    if not op.local and not op.alone:
        op.context.factored.append((factors.clone(), a, r))


@rule(aten.linalg_lu_solve.default)
def solve_by_factors(op: Operation) -> Radius:
    """The system again in a backward, of a matrix whose factors were kept; nothing is known of other factors."""
    _matrix(op, "LU")
    for factors, a, r in op.context.factored:
        if factors.shape == op["LU"].shape and torch.equal(factors, op["LU"]):
            p, lower, upper = torch.lu_unpack(wide(factors), op["pivots"])
            product = p @ lower @ upper
            if (product - a).norm() > (product - a.mT).norm():
                a, r = a.mT, None if r is None else r.mT
            if op["adjoint"]:
                a, r = a.mT, None if r is None else r.mT
            r = None if op.local or op.alone else r
            return _system(op, a, r, _eliminated(a), 3 * a.shape[-1], left=op["left"])
    return torch.full(op.out.shape, torch.inf, dtype=torch.float64)


@rule(aten.linalg_solve_triangular.default)
def solve_triangle(op: Operation) -> Radius:
    """TX = B; the other triangle is not read.

    Substitution rounds |T| n times (Higham, theorem 8.5), a solver of any system, which numpy has alone, more.
    """
    t, r = _matrix(op, "self")
    part = torch.triu if op["upper"] else torch.tril
    t, r = part(t), None if r is None else part(r)
    if op["unitriangular"]:
        t.diagonal(dim1=-2, dim2=-1).fill_(1.0)
        if r is not None:
            r = r - torch.diag_embed(r.diagonal(dim1=-2, dim2=-1))
    return _system(op, t, r, _eliminated(t), 3 * t.shape[-1], left=op["left"])


@rule(aten.cholesky_solve.default)
def solve_by_cholesky(op: Operation) -> Radius:
    """LLᵀX = B (Higham, theorem 10.4: 3n + 1 roundings of |L||Lᵀ|)."""
    factor, s = _matrix(op, "input2")
    part = torch.triu if op["upper"] else torch.tril
    factor, s = part(factor), None if s is None else part(s)
    if op["upper"]:
        factor, s = factor.mT, None if s is None else s.mT
    sizes = factor.abs()
    r = None if s is None else s @ (sizes + s).mT + sizes @ s.mT
    a = factor @ factor.mT
    own = torch.maximum(sizes @ sizes.mT, _eliminated(a))
    return _system(op, a, r, own, 3 * factor.shape[-1] + 1, "self")


@rule(aten.linalg_inv_ex.default)
def invert(op: Operation) -> tuple[Radius, None]:
    """AX = I, by columns (Higham, 14.3)."""
    a, r = _matrix(op, "A")
    return _solved(op, _inverse(op, a), _eliminated(a), 3 * a.shape[-1], wide(op.out[0]), r, None), None


def _log_moved(op: Operation, a: Tensor, r: Radius) -> Tensor:
    """How far log|det A| moves: by tr M + tr M²/2 + …, M = |A⁻¹|(R + nuE), which bounds a permanent (MacMahon)."""
    n = a.shape[-1]
    inverse, own, unit = _inverse(op, a).abs(), _eliminated(a), op.sums(3 * n)
    if op.local:
        return ((inverse.mT * own) ** 2).sum((-2, -1)).sqrt() * unit
    m = inverse @ (own * unit if r is None else own * unit + r)
    most = m.sum(-1).amax(-1) if n else m.sum((-2, -1))
    trace = m.diagonal(dim1=-2, dim2=-1).sum(-1)
    found = trace + n * most**2 / (1 - most)
    return _within(most < 1, found)


@rule(aten._linalg_det.default)
def determinant(op: Operation) -> tuple[Radius, ...]:
    """By elimination; where the matrix may be singular by Hadamard's bound; of 2 and 3 rows by cofactors too."""
    a, r = _matrix(op, "A")
    _keep_factors(op, op.out[1], a, op.context.shadows.get(op["A"]))
    n, size, own = a.shape[-1], wide(op.out[0]).abs(), _eliminated(a)
    # numpy takes e to the logarithm.
    logs = wide(op.out[1]).diagonal(dim1=-2, dim2=-1).abs().log().abs().sum(-1)
    found = size * torch.expm1(_log_moved(op, a, r) + _of_logs(op, logs, n)) + op.rounding(size, n)
    rows = a.norm(dim=-1)
    moves = (own * op.sums(3 * n) + _zeros_or(r, a)).norm(dim=-1)
    found = torch.fmin(found, (rows + moves).prod(-1) - rows.prod(-1) + op.rounding(size, n))
    if n in (2, 3) and not op.local:
        found = found + _permanent(a.abs()) * op.sums(n + 2)
    return found.nan_to_num(nan=torch.inf, posinf=torch.inf), _unknown(op, op.out[1]), None


def _permanent(a: Tensor) -> Tensor:
    if a.shape[-1] == 1:
        return a[..., 0, 0]
    minors = [torch.cat([a[..., 1:, :j], a[..., 1:, j + 1 :]], -1) for j in range(a.shape[-1])]
    return torch.stack([a[..., 0, j] * _permanent(minor) for j, minor in enumerate(minors)]).sum(0)


@rule(aten._linalg_slogdet.default)
def log_determinant(op: Operation) -> tuple[Radius, ...]:
    """Its logarithm as the sum of n of the factors' diagonal, and its sign where no move reaches a singular matrix."""
    a, r = _matrix(op, "A")
    _keep_factors(op, op.out[2], a, op.context.shadows.get(op["A"]))
    n, moved = a.shape[-1], _log_moved(op, a, r)
    logs = wide(op.out[2]).diagonal(dim1=-2, dim2=-1).abs().log().abs().sum(-1)
    found = moved + _of_logs(op, logs, n)
    sign = torch.where(moved < 1, 0.0, torch.inf) if not op.local else None
    return sign, found, _unknown(op, op.out[2]), None


def _of_logs(op: Operation, logs: Tensor, n: int) -> Tensor:
    """What the logarithms of n factors, their sum and its exponential round, `logs` being what they come to."""
    return logs * op.sums(n) + 4 * op.context.precision.u * (LOG_ULPS * logs + n + EXP_ULPS)


def _half_below(f: Tensor) -> Tensor:
    """The part below the diagonal and half of it."""
    return f.tril(-1) + torch.diag_embed(f.diagonal(dim1=-2, dim2=-1) / 2)


@rule(aten.linalg_cholesky_ex.default, aten.cholesky.default)
def cholesky(op: Operation) -> Radius | tuple[Radius, None]:
    """A = LLᵀ: ΔL = LX with X + Xᵀ + XXᵀ = L⁻¹ΔAL⁻ᵀ, |ΔA| ≤ R + (n + 1)u|L||Lᵀ| a side (Higham, theorem 10.3)."""
    a, r = _matrix(op, "self")
    alone = isinstance(op.out, Tensor)
    factor = wide(op.out if alone else op.out[0])
    factor = factor.mT if op["upper"] else factor
    sizes, inverse = factor.abs(), _inverse(op, factor).abs()
    # The condition of the matrix is the factor's, squared: what was noted is of the factor.
    _noted(op, _sum_norm(a) * _sum_norm(inverse.mT @ inverse))
    unit = op.sums(a.shape[-1] + 1)
    if op.local:
        spread = ((inverse**2) @ ((sizes @ sizes.mT) ** 2) @ (inverse.mT**2)).sqrt() * unit
        found = ((sizes**2) @ (_half_below(spread) ** 2)).sqrt().tril()
    else:
        moves = sizes @ sizes.mT * unit
        if r is not None:
            r = r.triu() if op["upper"] else r.tril()
            moves = moves + torch.maximum(r, r.mT)
        first = inverse @ moves @ inverse.mT
        x = _half_below(first)
        for _ in range(4):
            before, x = x, _half_below(first + x @ x.mT)
        rest = 2 * (x - before).norm(dim=(-2, -1), keepdim=True)
        found = sizes @ (x + rest.expand_as(x).tril())
        found = torch.where(first.norm(dim=(-2, -1), keepdim=True) < _NEAR, found, torch.inf).tril()
    found = found.nan_to_num(nan=torch.inf, posinf=torch.inf)
    found = found.mT if op["upper"] else found
    return found if alone else (found, None)


@rule(aten.linalg_qr.default)
def qr(op: Operation) -> tuple[Radius, Radius]:
    """A = QR by reflections or projections (Higham, theorem 19.4: by norms of columns), up to signs of Q's columns.

    ΔR = up(F + Fᵀ)R and ΔQ = (I − QQᵀ)ΔAR⁻¹ + Q(F − up(F + Fᵀ)) with F = QᵀΔAR⁻¹, up being what is above the
    diagonal and half of it.
    """
    a, r = _matrix(op, "A")
    q, upper = (wide(x) for x in op.out)
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if not q.numel():  # mode="r"
        q = torch.linalg.qr(a)[0]
    q, lead = q[..., :k], upper[..., :k, :k]
    unit = op.sums(SWEEPS * max(rows, columns))
    norms = a.norm(dim=-2, keepdim=True) * unit
    inverse = _inverse(op, lead).abs()
    lengths = norms if r is None else norms + r.norm(dim=-2, keepdim=True)
    f = (lengths[..., :k] @ inverse).expand(*lead.shape)  # |F| of any row
    second = 1 + 6 * f[..., :1, :].sum(-1, keepdim=True) / (1 - 6 * f[..., :1, :].sum(-1, keepdim=True))
    above = _half_below(f + f.mT).mT
    moves = norms.expand_as(a) if r is None else norms + r
    turned = f.tril(-1) + f.tril(-1).mT
    moved_q = (moves[..., :k] @ inverse + q.abs() @ turned) * second + unit
    moved_r = torch.cat([above @ lead.abs() * second, moved_q.mT @ a[..., k:].abs() + q.abs().mT @ moves[..., k:]], -1)
    # What a reflection leaves below the diagonal is as small.
    moved_r = moved_r.triu() + norms.expand_as(moved_r).tril(-1)
    near = 6 * f[..., :1, :].sum(-1, keepdim=True) < _NEAR * 5
    moved_q, moved_r = (_within(near, x) for x in (moved_q, moved_r))
    if op["mode"] == "complete" and rows > k:
        free = torch.full((*q.shape[:-1], rows - k), torch.inf, dtype=q.dtype)
        moved_q = torch.cat([moved_q, free], -1)
        moved_r = torch.cat([moved_r, norms.expand(*moved_r.shape[:-2], rows - k, columns)], -2)
    _free(op, sign=[(op.out[0], -1), (op.out[1], -2)])
    return (None if op["mode"] == "r" else moved_q), moved_r


def _free(op: Operation, sign: list[tuple[Tensor, int]], order: Tensor | None = None) -> None:
    """Notes that results may be turned, or come in another order, together; turns every other slice where asked to."""
    if not op.local and not op.alone:
        op.context.freedoms.append(Freedom(tuple((x, axis) for x, axis in sign if x.numel()), order))
    if op.context.kinks == "turned":
        for x, axis in sign:
            x.movedim(axis, -1)[..., ::2].neg_()


def _off(op: Operation, r: Radius, largest: Tensor, n: int) -> Tensor:
    """By how much in the spectral norm both sides' matrices may be apart: what rounding does, and the operand's."""
    moved = largest * op.sums(SWEEPS * n)
    return moved if r is None else moved + torch.linalg.matrix_norm(r, 2)


def _turned(vectors: Tensor, gaps: Tensor, off: Tensor) -> Tensor:
    """How far unit vectors, as columns, turn into one another, these gaps apart, and shrink by that.

    `gaps` has a row for each vector that is turned into.
    """
    near = gaps - off
    shares = torch.where(near > 0, off / near, torch.inf)
    turned = ((vectors**2) @ shares**2).sqrt()
    return turned + vectors.abs() * (shares**2).sum(-2, keepdim=True)


def _between(values: Tensor) -> Tensor:
    """The distances of values; infinite of each from itself."""
    gaps = (values.unsqueeze(-1) - values.unsqueeze(-2)).abs()
    gaps.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    return gaps


@rule(aten._linalg_eigh.default)
def symmetric_eigen(op: Operation) -> tuple[Radius, Radius]:
    """Eigenvalues move by the matrix's move in the spectral norm (Weyl), vectors by that over the gaps of values."""
    a, r = _matrix(op, "A")
    values, vectors = (wide(x) for x in op.out)
    n = a.shape[-1]
    if r is not None:
        r = r.tril() if op["UPLO"].upper() == "L" else r.triu()
        r = torch.maximum(r, r.mT)
    largest = values.abs().amax(-1) if n else values.sum(-1)
    off = _off(op, r, largest, n)
    moved = off.unsqueeze(-1).expand_as(values)
    if not vectors.numel():
        return moved, None
    gaps = _between(values)
    _noted(op, largest / gaps.amin((-2, -1)) if n else largest)
    turned = _turned(vectors, gaps, off[..., None, None]) + op.sums(SWEEPS * n)
    _free(op, [(op.out[1], -1)], op.out[0])
    return moved, turned.nan_to_num(nan=torch.inf, posinf=torch.inf)


@rule(aten._linalg_svd.default)
def singular(op: Operation) -> tuple[Radius, Radius, Radius]:
    """Singular values as eigenvalues of [[0, A], [Aᵀ, 0]], which are ±σ and 0; vectors of A's null space are free."""
    a, r = _matrix(op, "A")
    u, values, v = wide(op.out[0]), wide(op.out[1]), wide(op.out[2]).mT
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    off = _off(op, r, values.amax(-1) if k else values.sum(-1), max(rows, columns))
    moved = off.unsqueeze(-1).expand_as(values)
    if not op["compute_uv"]:
        return None, moved, None
    off = off[..., None, None]
    gaps = _between(values)
    # Where a value may be 0, its two vectors turn each on its own.
    gaps.diagonal(dim1=-2, dim2=-1).copy_(torch.where(values > off[..., 0], torch.inf, 0.0))
    _noted(op, values.amax(-1) / gaps.amin((-2, -1)) if k else values.sum(-1))
    found = []
    for x in (u, v):
        first, beyond = x[..., :k], x.shape[-2] > k
        turned = _turned(first, gaps / math.sqrt(2), off) + op.sums(SWEEPS * max(rows, columns))
        if beyond:
            out = off / (values.unsqueeze(-2) - off)
            out = torch.where(values.unsqueeze(-2) > off, out, torch.inf)
            left = (1 - (first**2).sum(-1, keepdim=True)).clamp_min(0.0).sqrt()
            turned = turned + left * out + first.abs() * out**2
        free = torch.full((*x.shape[:-1], x.shape[-1] - k), torch.inf, dtype=x.dtype)
        found.append(torch.cat([turned, free], -1).nan_to_num(nan=torch.inf, posinf=torch.inf))
    _free(op, [(op.out[0], -1), (op.out[2], -2)], op.out[1])
    return found[0], moved, found[1].mT


@rule(aten.linalg_eig.default, aten._linalg_eigvals.default, aten.linalg_eigvals.default)
def eigen(op: Operation) -> Radius:
    """Refused: eigenvalues of a matrix that is not normal may move by any power of its own move."""
    raise QuestionError(
        f"torch runs {op.func}, whose eigenvalues nothing bounds where the matrix is not symmetric; compare "
        "linalg.eigh's of a symmetric one, or A @ V with V * λ"
    )


@rule(aten.linalg_pinv.atol_rtol_tensor)
def pseudo_inverse(op: Operation) -> Radius:
    """The X of least ‖AX − I‖, or of its transpose's; unknown where singular values were left out."""
    a, r = _matrix(op, "self")
    x = wide(op.out)
    if a.shape[-2] < a.shape[-1]:
        a, r, x = a.mT, None if r is None else r.mT, x.mT
    one = torch.eye(a.shape[-2], dtype=a.dtype).expand(*a.shape[:-1], a.shape[-2])
    left = (x @ a - torch.eye(a.shape[-1], dtype=a.dtype)).norm(dim=(-2, -1), keepdim=True)
    found = _within(left < _NEAR, _least(op, a, r, one, None, x))
    return found.mT if op["self"].shape[-2] < op["self"].shape[-1] else found


def _least(op: Operation, a: Tensor, r: Radius, b: Tensor, s: Radius, x: Tensor) -> Tensor:
    """How far the x of least ‖Ax − b‖ moves, for A ± R of full rank and b ± s."""
    q, upper = torch.linalg.qr(a)
    inverse = _inverse(op, upper)
    pseudo, gram = (inverse @ q.mT).abs(), (inverse @ inverse.mT).abs()
    moves = (a.norm(dim=(-2, -1), keepdim=True) * op.sums(SWEEPS * a.shape[-2])).expand_as(a)
    moves = moves if r is None else moves + r
    left = (b - a @ x).abs()
    first = pseudo @ (moves @ x.abs() + _zeros_or(s, b)) + gram @ (moves.mT @ (left if s is None else left + s))
    # What is of second order, by the largest of its rows, twice.
    share = (pseudo @ moves + gram @ moves.mT @ a.abs()).sum(-1, keepdim=True)
    most = 4 * share.amax(-2, keepdim=True)
    return _within(most < 1, first + 4 * share * first.amax(-2, keepdim=True) / (1 - most))


@rule(aten.linalg_lstsq.default)
def least_squares(op: Operation) -> tuple[Radius, ...]:
    """min ‖AX − B‖ of full rank: |A⁺|(E|X| + s) + |(AᵀA)⁻¹|Eᵀ|B − AX| (Higham, 20.1), E of the whole norm, as by
    singular values."""
    a, r = _matrix(op, "self")
    b, s, x = wide(op["b"]), op.radius(op["b"]), wide(op.out[0])
    if a.shape[-2] < a.shape[-1]:
        raise QuestionError(
            "torch runs linalg.lstsq of more unknowns than equations, of which many solutions are right"
        )
    vector = _as_columns(op, a, op["b"]) and x.dim() < a.dim()
    if vector:
        b, x, s = b.unsqueeze(-1), x.unsqueeze(-1), None if s is None else s.unsqueeze(-1)
    found = _least(op, a, r, b, s, x)
    # Residuals, rank and singular values are asked for by their own operations.
    rest = [torch.full(y.shape, torch.inf, dtype=torch.float64) if y.numel() else None for y in op.out[1:]]
    return found.squeeze(-1) if vector else found, rest[0], None, rest[2]
