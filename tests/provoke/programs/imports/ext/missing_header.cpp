#include <graphblas/graph.h>

int edges() { return gb_count(); }
