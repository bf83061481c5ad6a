#include <graphblas/graph.h>
#include <Python.h>

int edges(void) { return gb_count(); }
