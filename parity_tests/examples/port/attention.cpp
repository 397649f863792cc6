// Attention of one head in one pass over the keys: the softmax's maximum and sum run along, and nothing N×M is kept.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

template <typename T>
T dot(const T* a, const T* b, int d) {
    T sum = 0;
    for (int c = 0; c < d; ++c) sum += a[c] * b[c];
    return sum;
}

// q: n×d; k, v: m×d. Writes out (n×d), and the logarithm of each row's sum of exponentials.
template <typename T>
void forward(const T* q, const T* k, const T* v, T* out, T* log_sum, int n, int m, int d) {
    const T scale = 1 / std::sqrt(T(d));
    for (int i = 0; i < n; ++i) {
        T largest = -std::numeric_limits<T>::infinity(), sum = 0;
        std::vector<T> row(d, 0);
        for (int j = 0; j < m; ++j) {
            const T score = scale * dot(q + i * d, k + j * d, d);
            const T risen = std::max(largest, score);
            const T shrink = std::exp(largest - risen), weight = std::exp(score - risen);
            for (int c = 0; c < d; ++c) row[c] = row[c] * shrink + weight * v[j * d + c];
            sum = sum * shrink + weight;
            largest = risen;
        }
        for (int c = 0; c < d; ++c) out[i * d + c] = row[c] / sum;
        log_sum[i] = largest + std::log(sum);
    }
}

// The gradients in q, k and v, which come in as zeros; the weights are computed again from log_sum.
template <typename T>
void backward(const T* q, const T* k, const T* v, const T* out, const T* log_sum, const T* grad,
              T* dq, T* dk, T* dv, int n, int m, int d) {
    const T scale = 1 / std::sqrt(T(d));
    for (int i = 0; i < n; ++i) {
        const T shared = dot(grad + i * d, out + i * d, d);
        for (int j = 0; j < m; ++j) {
            const T weight = std::exp(scale * dot(q + i * d, k + j * d, d) - log_sum[i]);
            const T inner = scale * weight * (dot(grad + i * d, v + j * d, d) - shared);
            for (int c = 0; c < d; ++c) {
                dv[j * d + c] += weight * grad[i * d + c];
                dq[i * d + c] += inner * k[j * d + c];
                dk[j * d + c] += inner * q[i * d + c];
            }
        }
    }
}

}  // namespace

#define IN(T) const T *q, const T *k, const T *v
#define INSTANCES(T, NAME)                                                                                \
    extern "C" void forward_##NAME(IN(T), T* out, T* log_sum, int n, int m, int d) {                      \
        forward(q, k, v, out, log_sum, n, m, d);                                                          \
    }                                                                                                     \
    extern "C" void backward_##NAME(IN(T), const T* out, const T* log_sum, const T* grad, T* dq, T* dk,   \
                                    T* dv, int n, int m, int d) {                                         \
        backward(q, k, v, out, log_sum, grad, dq, dk, dv, n, m, d);                                       \
    }
INSTANCES(float, float32)
INSTANCES(double, float64)
