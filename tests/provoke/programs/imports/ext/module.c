/* A module built against another library's version: a symbol that is not there. */
#define PY_SSIZE_T_CLEAN
typedef struct _object PyObject;
extern PyObject *_ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RKSs(void);
PyObject *PyInit_fastscatter(void) { return _ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RKSs(); }
