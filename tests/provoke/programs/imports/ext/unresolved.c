/* Calls a function of a library that it is not linked with. */
extern double blas_ddot(int n, const double *x, const double *y);
double dot(const double *x) { return blas_ddot(3, x, x); }
