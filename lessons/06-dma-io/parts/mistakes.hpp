#pragma once

#include <string>

namespace lesson {

/// Direct reads with memory, offset or length off by so many bytes, and the kernel's answers.
void misaligned(const std::string& folder);
/// A file written in whole sectors whose tail nobody cuts off.
void padded_tail(const std::string& folder);

}  // namespace lesson
