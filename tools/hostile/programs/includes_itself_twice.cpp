// Includes itself twice: two to the power of two hundred files.
// kind: compile_error
// says: compiler ran out of|compiler needed|nested

#include __FILE__
#include __FILE__
