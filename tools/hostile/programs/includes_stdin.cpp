// Includes standard input, which is empty.
// kind: compile_error
// says: nowhere written|percore

#include </dev/stdin>
