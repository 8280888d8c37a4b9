// Includes a file without end.
// kind: compile_error
// says: nowhere written|compiler ran out of

#include </dev/zero>
