// Includes itself.
// kind: compile_error
// says: #include nested|include nested

#include __FILE__
